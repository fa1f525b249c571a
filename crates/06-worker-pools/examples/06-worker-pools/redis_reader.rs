//! The blocking read, on a connection of its own.
//!
//! A read waits in Redis until a task comes. On a shared connection everything else would wait behind
//! it. And its answer is waited for longer than Redis waits for a task: when a client gives up first,
//! Redis hands the next task to a connection that nothing reads from.

use std::{collections::HashMap, time::Duration};

use redis::{AsyncConnectionConfig, Client, RedisError, aio::MultiplexedConnection};
use tokio::sync::Mutex;

use crate::{
    in_redis::GROUP,
    redis_failures::{Failure, in_time},
};

/// How long a read waits for a task.
const BLOCK_SECONDS: u64 = 1;

/// Places in the stream, and the fields that stand there.
pub(crate) type Entries = Vec<(String, HashMap<String, String>)>;

/// Reads new tasks, one read at a time.
pub(crate) struct Reader {
    client: Client,
    stream: String,
    consumer: String,
    limit: Duration,
    connection: Mutex<Option<MultiplexedConnection>>,
}

impl Reader {
    /// Reads from `stream` as `consumer`. An answer is late when it takes `limit` longer than the wait
    /// for a task.
    pub(crate) fn new(client: Client, stream: String, consumer: String, limit: Duration) -> Self {
        Reader { client, stream, consumer, limit, connection: Mutex::default() }
    }

    /// At most `most` new tasks; none when none came in time.
    pub(crate) async fn read(&self, most: usize) -> Result<Entries, Failure> {
        let mut connection = self.connection.lock().await;
        // Taken out, and put back when all went well: after an error the next read connects anew.
        let read = match connection.take() {
            Some(reused) => self.read_on(reused, most).await,
            None => self.read_on(self.connect().await?, most).await,
        };
        let (entries, reusable) = read?;
        *connection = Some(reusable);
        Ok(entries)
    }

    async fn read_on(
        &self,
        mut connection: MultiplexedConnection,
        most: usize,
    ) -> Result<(Entries, MultiplexedConnection), Failure> {
        let mut command = redis::cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(&self.consumer);
        command.arg("COUNT").arg(most).arg("BLOCK").arg(BLOCK_SECONDS * 1000);
        command.arg("STREAMS").arg(&self.stream).arg(">");
        let limit = Duration::from_secs(BLOCK_SECONDS) + self.limit;
        let answer: Option<Vec<(String, Entries)>> =
            in_time(limit, command.query_async(&mut connection)).await?;
        let of_all_streams = answer.unwrap_or_default().into_iter();
        Ok((of_all_streams.flat_map(|(_, entries)| entries).collect(), connection))
    }

    /// Connects, and makes the group if it isn't there: nothing was submitted yet, or Redis was emptied.
    async fn connect(&self) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let mut connection = in_time(self.limit, connecting).await?;
        let mut command = redis::cmd("XGROUP");
        command.arg("CREATE").arg(&self.stream).arg(GROUP).arg("0").arg("MKSTREAM");
        let made: Result<(), RedisError> = command.query_async(&mut connection).await;
        match made {
            Err(error) if error.code() != Some("BUSYGROUP") => Err(Failure::from(&error)),
            _ => Ok(connection),
        }
    }
}
