//! The variables that the chapters share (PROTOCOL.md).

use std::time::Duration;

use cluster_basics::config::{self, ConfigError};

/// What the environment asks of every cluster.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// `PORT`: where to listen; 0 for any free port.
    pub port: u16,
    /// `WORKERS`: how many processes serve.
    pub workers: u32,
    /// `READY_TIMEOUT_MS`: how long a new worker may take until it is ready.
    pub ready_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: how long a drain may take. A request that isn't answered by then is cut.
    pub drain_timeout: Duration,
    /// `LAME_DUCK_MS`: how long a draining worker goes on serving the connections that are open.
    pub lame_duck: Duration,
    /// `RESTART_DELAY_MS`: the delay before the second restart of a streak; it doubles from then on.
    pub restart_delay: Duration,
    /// `RESTART_DELAY_MAX_MS`: the longest delay. A worker that is ready for longer ends the streak.
    pub restart_delay_max: Duration,
}

impl Settings {
    /// Reads the environment; `workers` is the chapter's default for `WORKERS`.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env(workers: u32) -> Result<Self, ConfigError> {
        Ok(Settings {
            port: config::port()?,
            workers: config::workers(workers)?,
            ready_timeout: config::millis("READY_TIMEOUT_MS", Duration::from_secs(5))?,
            drain_timeout: config::millis("DRAIN_TIMEOUT_MS", Duration::from_secs(10))?,
            lame_duck: config::millis("LAME_DUCK_MS", Duration::from_millis(300))?,
            restart_delay: config::millis("RESTART_DELAY_MS", Duration::from_millis(200))?,
            restart_delay_max: config::millis("RESTART_DELAY_MAX_MS", Duration::from_secs(10))?,
        })
    }
}
