//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use cluster_basics::config::{self, ConfigError};
use supervisor::Settings;

use crate::journal;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `QUEUE_LIMIT`: how many tasks may be accepted and not started.
    pub queue_limit: usize,
    /// `CREDIT`: how many tasks one worker may have, the running one included.
    pub credit: usize,
    /// `MAX_ATTEMPTS`: how often a task is started, at most.
    pub max_attempts: u32,
    /// `TASK_TIMEOUT_MS`: how long one start of a task may take.
    pub task_timeout: Duration,
    /// `RESULTS_LIMIT`: how many tasks that have ended are remembered.
    pub results_limit: usize,
    /// `SPOOL`: the file in which accepted tasks survive every process.
    pub spool: PathBuf,
    /// `JOURNAL`: the file to which workers append what they start and finish.
    pub journal: Option<PathBuf>,
    /// `HOLD_DIR`: a task of type `hold` waits for a file there.
    pub hold_dir: PathBuf,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        let file = |name, default| {
            env::var_os(name).map_or_else(|| env::temp_dir().join(default), PathBuf::from)
        };
        let config = Config {
            shared: Settings::from_env(4)?,
            queue_limit: positive("QUEUE_LIMIT", 20)? as usize,
            credit: credit()? as usize,
            max_attempts: positive("MAX_ATTEMPTS", 3)?,
            task_timeout: task_timeout()?,
            results_limit: positive("RESULTS_LIMIT", 1000)? as usize,
            spool: file("SPOOL", "tasks.spool"),
            journal: env::var_os("JOURNAL").map(PathBuf::from),
            hold_dir: file("HOLD_DIR", "holds"),
        };
        let unusable = |journal: &PathBuf| journal::open(journal).is_err();
        match config.journal.clone().filter(unusable) {
            Some(journal) => Err(refused("JOURNAL", &journal, "a file that can be written")),
            None => Ok(config),
        }
    }
}

fn positive(name: &'static str, default: u32) -> Result<u32, ConfigError> {
    match config::number(name, default)? {
        0 => Err(ConfigError::new(name, "0".to_owned(), "a whole number from 1 to 1000")
            .by_default(default.to_string())),
        number => Ok(number),
    }
}

/// The queue of a worker's channel has 64 places, and an order to drain needs one of them.
fn credit() -> Result<u32, ConfigError> {
    match positive("CREDIT", 1)? {
        credit @ 1..=32 => Ok(credit),
        credit => {
            Err(ConfigError::new("CREDIT", credit.to_string(), "a whole number from 1 to 32")
                .by_default("1"))
        }
    }
}

fn task_timeout() -> Result<Duration, ConfigError> {
    const NAME: &str = "TASK_TIMEOUT_MS";
    const DEFAULT: Duration = Duration::from_secs(30);
    match config::millis(NAME, DEFAULT)? {
        Duration::ZERO => {
            Err(ConfigError::new(NAME, "0".to_owned(), "1 or more").by_default("30000"))
        }
        timeout => Ok(timeout),
    }
}

pub(crate) fn refused(name: &'static str, value: &Path, wanted: &'static str) -> ConfigError {
    ConfigError::new(name, value.display().to_string(), wanted)
}
