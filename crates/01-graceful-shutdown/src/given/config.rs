//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{env, path::PathBuf, time::Duration};

use cluster_basics::config::{self, ConfigError};

use super::Signal;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// `PORT`: where to listen; 0 for any free port.
    pub port: u16,
    /// `WORKERS`: how many processes serve.
    pub workers: u32,
    /// `LAME_DUCK_MS`: how long a draining worker goes on serving the connections that are open.
    pub lame_duck: Duration,
    /// `JOURNAL`: the file that acknowledged lines end up in.
    pub journal: PathBuf,
    drain_timeout: Duration,
    drain_timeout_sigint: Duration,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        let drain_timeout = config::millis("DRAIN_TIMEOUT_MS", Duration::from_secs(10))?;
        let journal = env::var_os("JOURNAL").map(PathBuf::from);
        Ok(Config {
            port: config::port()?,
            workers: config::workers(2)?,
            lame_duck: config::millis("LAME_DUCK_MS", Duration::from_millis(300))?,
            journal: journal.unwrap_or_else(|| env::temp_dir().join("journal.log")),
            drain_timeout,
            drain_timeout_sigint: config::millis("DRAIN_TIMEOUT_SIGINT_MS", drain_timeout)?,
        })
    }

    /// How long a drain may take that `signal` asked for: `DRAIN_TIMEOUT_MS`, and
    /// `DRAIN_TIMEOUT_SIGINT_MS` for whoever presses Ctrl-C and waits for the prompt.
    #[must_use]
    pub fn drain_timeout(&self, signal: Signal) -> Duration {
        match signal {
            Signal::Terminate => self.drain_timeout,
            Signal::Interrupt => self.drain_timeout_sigint,
        }
    }
}
