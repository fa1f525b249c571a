//! The home `redis`: a stream that the primaries of many machines share.
//!
//! One machine sees a worker die, and can make sure. Several machines only see silence, so a lease
//! replaces the death: a task belongs to the machine that took it until nothing was heard for
//! [`Limits::lease`]. A machine that lost a task that way does not know it, so everything that it says
//! about the task names the machine, and a script compares.

use std::{collections::HashMap, time::Duration};

use redis::{
    Client, Cmd, FromRedisValue, RedisError, ScriptInvocation, aio::ConnectionManager,
    aio::ConnectionManagerConfig,
};

use worker_pools::Id;

use crate::{
    redis_failures::{Failure, in_time},
    redis_reader::{Entries, Reader},
    scripts::{COUNTS, FINISH, GIVE_BACK, RENEW, START, SUBMIT, TIDY},
};

/// All machines of a cluster are one group: each task is handed to one of them.
pub(crate) const GROUP: &str = "pool";
/// Where the next look for lost tasks begins, and where the last one ends.
const START_OF_STREAM: &str = "0-0";

/// What a queue may hold, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Tasks that wait.
    pub(crate) waiting: usize,
    /// Ends that are remembered.
    pub(crate) ended: usize,
    /// A task belongs to the machine that took it for this time, unless it is renewed.
    pub(crate) lease: Duration,
    /// One call takes no longer than this.
    pub(crate) call: Duration,
}

/// A task that this machine may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) id: Id,
    /// Its place in the stream.
    pub(crate) entry: String,
    pub(crate) work: String,
    /// How often it was started.
    pub(crate) attempts: u32,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Completed(String),
    /// `attempts` or `deadline`.
    Failed(&'static str),
}

/// What there is to say about a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The fields of the task.
    Task(HashMap<String, String>),
    /// It has ended, and its result is forgotten.
    Forgotten,
    /// No task has had this number.
    Unknown,
}

/// How many tasks there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskCounts {
    pub(crate) submitted: u64,
    pub(crate) waiting: u64,
    /// They belong to a machine.
    pub(crate) taken: u64,
    /// They have ended, and are remembered.
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    /// They have ended, and are not.
    pub(crate) forgotten: u64,
}

/// The queue, as one machine sees it.
pub(crate) struct InRedis {
    connection: ConnectionManager,
    reader: Reader,
    limits: Limits,
    prefix: String,
    /// This machine and this start of it: after a restart another consumer's tasks are not its own.
    consumer: String,
}

impl InRedis {
    /// The queue whose keys begin with `prefix`, in the Redis at `address`, which need not be there yet.
    pub(crate) fn open(
        address: &str,
        prefix: &str,
        consumer: &str,
        limits: Limits,
    ) -> Result<Self, RedisError> {
        let client = Client::open(address)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(limits.call))
            .set_response_timeout(Some(limits.call))
            .set_max_delay(Duration::from_millis(500));
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let (prefix, consumer) = (format!("{{{prefix}}}:"), consumer.to_owned());
        let reader = Reader::new(client, format!("{prefix}tasks"), consumer.clone(), limits.call);
        Ok(InRedis { connection, reader, limits, prefix, consumer })
    }

    /// Accepts `work`, and returns its number; `None` when the queue is full. With the same
    /// `idempotency_key` it is the same task.
    pub(crate) async fn submit(
        &self,
        work: &str,
        idempotency_key: Option<&str>,
    ) -> Result<Option<Id>, Failure> {
        let mut script = SUBMIT.key(self.key("tasks"));
        script.arg(GROUP).arg(self.limits.waiting).arg(work).arg(idempotency_key.unwrap_or(""));
        let id: u64 = self.script(script).await?;
        Ok((id > 0).then_some(Id(id)))
    }

    /// Takes at most `most` tasks; none when none came within a second. It must not be dropped halfway:
    /// Redis would hand out tasks that then wait for the end of their lease.
    pub(crate) async fn take(&self, most: usize) -> Result<Vec<Taken>, Failure> {
        let entries = self.reader.read(most).await?;
        self.with_their_work(entries).await
    }

    /// Takes tasks whose lease has ended: their machine is dead, or frozen, or was cut off.
    pub(crate) async fn take_over(&self, most: usize) -> Result<Vec<Taken>, Failure> {
        let mut found = Vec::new();
        let mut cursor = START_OF_STREAM.to_owned();
        while found.len() < most {
            let mut command = redis::cmd("XAUTOCLAIM");
            command.arg(self.key("tasks")).arg(GROUP).arg(&self.consumer);
            command.arg(millis(self.limits.lease)).arg(&cursor);
            command.arg("COUNT").arg(most - found.len());
            let (next, entries, _gone): (String, Entries, Vec<String>) =
                self.command(command).await?;
            found.extend(entries);
            cursor = next;
            if cursor == START_OF_STREAM {
                break;
            }
        }
        self.with_their_work(found).await
    }

    /// The task starts, as attempt `attempt`. False: it is another machine's by now.
    pub(crate) async fn start(&self, task: &Taken, attempt: u32) -> Result<bool, Failure> {
        let mut script = self.about(&START, task);
        script.arg(task.id.0).arg(attempt);
        self.script(script).await
    }

    /// The task ends. False: it is another machine's by now, and this end does not count.
    pub(crate) async fn finish(&self, task: &Taken, end: &End) -> Result<bool, Failure> {
        let (status, field, value) = match end {
            End::Completed(result) => ("completed", "result", result.as_str()),
            End::Failed(error) => ("failed", "error", *error),
        };
        let mut script = self.about(&FINISH, task);
        script.arg(task.id.0).arg(status).arg(field).arg(value).arg(self.limits.ended);
        self.script(script).await
    }

    /// The task goes on being this machine's. False: it is not any more.
    pub(crate) async fn renew(&self, task: &Taken) -> Result<bool, Failure> {
        self.script(self.about(&RENEW, task)).await
    }

    /// Any machine may take the task now.
    pub(crate) async fn give_back(&self, task: &Taken) -> Result<bool, Failure> {
        let mut script = self.about(&GIVE_BACK, task);
        script.arg(task.id.0);
        self.script(script).await
    }

    /// Forgets machines that are gone. `silent` is how long they have to be silent for that.
    pub(crate) async fn tidy(&self, silent: Duration) -> Result<(), Failure> {
        let mut script = TIDY.key(self.key("tasks"));
        script.arg(GROUP).arg(&self.consumer).arg(millis(silent));
        self.script(script).await
    }

    /// The task with this number.
    pub(crate) async fn find(&self, id: Id) -> Result<Found, Failure> {
        let mut all = redis::cmd("HGETALL");
        all.arg(self.key(&format!("task:{id}")));
        let fields: HashMap<String, String> = self.command(all).await?;
        if !fields.is_empty() {
            return Ok(Found::Task(fields));
        }
        let mut newest = redis::cmd("GET");
        newest.arg(self.key("next"));
        let newest: Option<u64> = self.command(newest).await?;
        let was_given_out = (1..=newest.unwrap_or(0)).contains(&id.0);
        Ok(if was_given_out { Found::Forgotten } else { Found::Unknown })
    }

    /// All counts at one moment.
    pub(crate) async fn counts(&self) -> Result<TaskCounts, Failure> {
        let mut script = COUNTS.key(self.key("tasks"));
        script.arg(GROUP);
        let (submitted, waiting, taken, completed, failed, forgotten) = self.script(script).await?;
        Ok(TaskCounts { submitted, waiting, taken, completed, failed, forgotten })
    }

    /// Adds to each entry what its task is.
    async fn with_their_work(&self, entries: Entries) -> Result<Vec<Taken>, Failure> {
        let mut taken = Vec::with_capacity(entries.len());
        for (entry, fields) in entries {
            let Some(id) = fields.get("id").and_then(|id| id.parse().ok()) else { continue };
            let mut command = redis::cmd("HMGET");
            command.arg(self.key(&format!("task:{id}"))).arg("work").arg("attempts");
            let (work, attempts): (Option<String>, Option<u32>) = self.command(command).await?;
            if let Some((work, attempts)) = work.zip(attempts) {
                taken.push(Taken { id, entry, work, attempts });
            }
        }
        Ok(taken)
    }

    fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A script about a task that this machine believes to have.
    fn about<'a>(&self, script: &'a redis::Script, task: &Taken) -> ScriptInvocation<'a> {
        let mut script = script.key(self.key("tasks"));
        script.arg(GROUP).arg(&self.consumer).arg(&task.entry);
        script
    }

    /// Does one command. It is sent once: what has no answer is perhaps done.
    async fn command<T: FromRedisValue>(&self, command: Cmd) -> Result<T, Failure> {
        let mut connection = self.connection.clone();
        in_time(self.limits.call, command.query_async(&mut connection)).await
    }

    async fn script<T: FromRedisValue>(&self, script: ScriptInvocation<'_>) -> Result<T, Failure> {
        let mut connection = self.connection.clone();
        in_time(self.limits.call, script.invoke_async(&mut connection)).await
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}
