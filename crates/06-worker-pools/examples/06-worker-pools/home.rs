//! Where tasks survive: what `QUEUE` says, and what a pool needs of it.

use std::{env, io, path::PathBuf};

use cluster_basics::config::ConfigError;
use url::Url;
use worker_pools::{Config, Id, Spool, Task};

/// Before each key of a Redis that says no other prefix.
const PREFIX: &str = "workbook";

/// Where tasks survive.
pub(crate) trait Home: 'static {
    /// Writes the task as it is now.
    fn keep(&mut self, task: &Task) -> io::Result<()>;

    /// The task is remembered no more.
    fn forget(&mut self, id: Id);
}

/// The file is this primary's alone, and a line in it survives every process.
impl Home for Spool {
    fn keep(&mut self, task: &Task) -> io::Result<()> {
        self.write(task)
    }

    fn forget(&mut self, id: Id) {
        Spool::forget(self, id);
    }
}

/// What `QUEUE` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// A file.
    Spool(PathBuf),
    /// A server, which several primaries may share.
    Redis {
        /// Its address, as the client wants it.
        address: String,
        /// Before each key.
        prefix: String,
    },
}

impl Queue {
    /// Reads `QUEUE`. Without it the queue is the file `SPOOL`.
    pub(crate) fn from_env(config: &Config) -> Result<Self, ConfigError> {
        const WANTED: &str = "spool:PATH, or redis://HOST:PORT";
        let Some(queue) = env::var_os("QUEUE") else {
            return Ok(Queue::Spool(config.spool.clone()));
        };
        let queue = queue.to_string_lossy().into_owned();
        Queue::parse(&queue)
            .ok_or_else(|| ConfigError::new("QUEUE", queue, WANTED).by_default("the file SPOOL"))
    }

    fn parse(queue: &str) -> Option<Self> {
        if let Some(path) = queue.strip_prefix("spool:") {
            return (!path.is_empty()).then(|| Queue::Spool(path.into()));
        }
        let mut url = Url::parse(queue).ok().filter(|url| url.scheme() == "redis")?;
        url.host()?;
        let prefix = url.query_pairs().find(|(name, _)| name == "prefix");
        let prefix = prefix.map_or_else(|| PREFIX.to_owned(), |(_, prefix)| prefix.into_owned());
        url.set_query(None);
        Some(Queue::Redis { address: url.into(), prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_home_has_a_name() {
        assert_eq!(Queue::parse("spool:/a/tasks"), Some(Queue::Spool("/a/tasks".into())));
        let (address, prefix) = ("redis://host:1/2".to_owned(), "shop".to_owned());
        let redis = Queue::Redis { address, prefix };
        assert_eq!(Queue::parse("redis://host:1/2?prefix=shop"), Some(redis));
    }

    #[test]
    fn anything_else_is_none() {
        for queue in ["", "spool:", "redis:", "amqp://host", "the spool"] {
            assert_eq!(Queue::parse(queue), None, "{queue}");
        }
    }
}
