//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use cluster_basics::config::{self, ConfigError};
use supervisor::{Settings, Signal};

use crate::journal;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `JOURNAL`: the file that acknowledged lines end up in.
    pub journal: PathBuf,
    drain_timeout_sigint: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        let shared = Settings::from_env(2)?;
        let journal = env::var_os("JOURNAL").map(PathBuf::from);
        let journal = journal.unwrap_or_else(|| env::temp_dir().join("journal.log"));
        check_journal(&journal)?;
        Ok(Config {
            shared,
            journal,
            drain_timeout_sigint: config::millis("DRAIN_TIMEOUT_SIGINT_MS", shared.drain_timeout)?,
        })
    }

    /// How long a drain may take that `signal` asked for: `DRAIN_TIMEOUT_MS`, or
    /// `DRAIN_TIMEOUT_SIGINT_MS` for a person who pressed Ctrl-C and waits for the prompt.
    #[must_use]
    pub fn drain_timeout(&self, signal: Signal) -> Duration {
        match signal {
            Signal::Terminate | Signal::Hangup => self.shared.drain_timeout,
            Signal::Interrupt => self.drain_timeout_sigint,
        }
    }
}

/// A journal that can't be written must not be found out after a line was acknowledged.
fn check_journal(path: &Path) -> Result<(), ConfigError> {
    const WANTED: &str = "the path of a file that can be written, in a folder that is there";
    let checked = journal::open(path);
    let value = path.to_string_lossy().into_owned();
    checked
        .map(|_| ())
        .map_err(|error| ConfigError::new("JOURNAL", format!("{value} ({error})"), WANTED))
}
