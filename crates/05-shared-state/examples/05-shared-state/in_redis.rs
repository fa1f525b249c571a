//! The home `redis`: a server that the processes of many machines share.
//!
//! It is there when this machine is not. It can also be away, stopped, or slow while this process is
//! well, so each call has a deadline of its own. And what it has acknowledged it may lose: that depends
//! on `appendonly`, which is off unless its operator has turned it on.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use redis::{
    Client, Cmd, FromRedisValue, RedisError, ScriptInvocation, aio::ConnectionManager,
    aio::ConnectionManagerConfig,
};
use shared_state::Failure;

use crate::{
    in_redis_failures::in_time,
    in_redis_news::listen,
    scripts::{CHANGE, FINISH, LOCK, SWAP},
    store::{Changes, Finished, Reply, Store, Token, Version},
};

/// The state in Redis, through the connections of this process.
pub(crate) struct InRedis {
    client: Client,
    /// Each carries many calls at once. More than one is for calls that are large.
    connections: Vec<ConnectionManager>,
    next: AtomicUsize,
    /// Before each key: several clusters may share one Redis.
    prefix: String,
    limit: Duration,
}

impl InRedis {
    /// The Redis at `address`, where all keys begin with `prefix` and a call takes `limit` at most. It
    /// need not be there yet. A subscriber takes one more connection.
    pub(crate) fn open(
        address: &str,
        prefix: &str,
        connections: NonZero<usize>,
        limit: Duration,
    ) -> Result<Self, RedisError> {
        let client = Client::open(address)?;
        // It goes on trying to connect by itself, and a call that comes meanwhile waits for that.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(limit))
            .set_response_timeout(Some(limit))
            .set_max_delay(Duration::from_millis(500));
        let open = |_| ConnectionManager::new_lazy_with_config(client.clone(), config.clone());
        let connections = (0..connections.get()).map(open).collect::<Result<_, _>>()?;
        let (next, prefix) = (AtomicUsize::new(0), prefix.to_owned());
        Ok(InRedis { client, connections, next, prefix, limit })
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}:{{{name}}}", self.prefix)
    }

    fn connection(&self) -> ConnectionManager {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.connections[next % self.connections.len()].clone()
    }

    /// Does one command. It is sent once: what has no answer is perhaps done.
    async fn command<T: FromRedisValue>(&self, command: Cmd) -> Result<T, Failure> {
        let mut connection = self.connection();
        in_time(self.limit, command.query_async(&mut connection)).await
    }

    /// Does one script. If Redis does not know it yet, that is the answer, and nothing of it was done:
    /// then it is sent and asked for again.
    async fn script<T: FromRedisValue>(&self, script: ScriptInvocation<'_>) -> Result<T, Failure> {
        let mut connection = self.connection();
        in_time(self.limit, script.invoke_async(&mut connection)).await
    }
}

fn millis(time: Duration) -> u64 {
    // Rounded up: Redis refuses a lifetime of 0.
    u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX / 2).max(1)
}

impl Store for InRedis {
    fn add(&self, key: &str, by: i64) -> Reply<'_, i64> {
        let mut command = redis::cmd("INCRBY");
        command.arg(self.key("counter", key)).arg(by);
        self.command(command).boxed()
    }

    fn counter(&self, key: &str) -> Reply<'_, i64> {
        let mut command = redis::cmd("GET");
        command.arg(self.key("counter", key));
        async move { Ok(self.command::<Option<i64>>(command).await?.unwrap_or(0)) }.boxed()
    }

    fn get(&self, key: &str) -> Reply<'_, Option<String>> {
        let mut command = redis::cmd("GET");
        command.arg(self.key("value", key));
        self.command(command).boxed()
    }

    fn set(&self, key: &str, value: &str, lifetime: Option<Duration>) -> Reply<'_, ()> {
        let mut command = redis::cmd("SET");
        command.arg(self.key("value", key)).arg(value);
        // In the same command: a process that dies in between would leave a key without a lifetime.
        if let Some(lifetime) = lifetime {
            command.arg("PX").arg(millis(lifetime));
        }
        self.command(command).boxed()
    }

    fn delete(&self, key: &str) -> Reply<'_, bool> {
        let mut command = redis::cmd("DEL");
        command.arg(self.key("value", key));
        self.command(command).boxed()
    }

    fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: &str,
        lifetime: Option<Duration>,
    ) -> Reply<'_, bool> {
        let mut script = SWAP.key(self.key("value", key));
        script.arg(u8::from(expected.is_some())).arg(expected.unwrap_or_default());
        script.arg(value).arg(lifetime.map_or(0, millis));
        async move { self.script(script).await }.boxed()
    }

    fn lock(&self, name: &str, lease: Duration) -> Reply<'_, Option<Token>> {
        let mut script = LOCK.key(self.key("lock", name));
        script.key(self.key("token", name)).arg(millis(lease));
        async move { Ok(self.script::<Option<i64>>(script).await?.map(Token)) }.boxed()
    }

    fn finish(&self, name: &str, token: Token, result: Option<&str>) -> Reply<'_, bool> {
        let mut script = FINISH.key(self.key("lock", name));
        script.key(self.key("token", name)).key(self.key("finished", name));
        script.arg(token.0);
        if let Some(result) = result {
            script.arg(result);
        }
        async move { self.script(script).await }.boxed()
    }

    fn finished(&self, name: &str) -> Reply<'_, Option<Finished>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key("finished", name)).arg("token").arg("result");
        async move {
            let (token, result): (Option<i64>, Option<String>) = self.command(command).await?;
            let both = token.zip(result);
            Ok(both.map(|(token, result)| Finished { token: Token(token), result }))
        }
        .boxed()
    }

    fn change(&self, key: &str, value: &str) -> Reply<'_, i64> {
        let mut script = CHANGE.key(self.key("version", key));
        script.arg(value).arg(self.channel()).arg(key);
        async move { self.script(script).await }.boxed()
    }

    fn current(&self, key: &str) -> Reply<'_, Option<Version>> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key("version", key)).arg("number").arg("value");
        async move {
            let (number, value): (Option<i64>, Option<String>) = self.command(command).await?;
            Ok(number.zip(value).map(|(number, value)| Version { number, value }))
        }
        .boxed()
    }

    fn changes(&self) -> Changes {
        listen(self.client.clone(), self.channel(), self.limit)
    }
}

impl InRedis {
    fn channel(&self) -> String {
        format!("{}changes", self.prefix)
    }
}
