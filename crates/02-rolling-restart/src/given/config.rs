//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::time::Duration;

use cluster_basics::config::{self, ConfigError};

use super::faults::Faults;
use crate::workers::Limits;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// `PORT`: where to listen; 0 for any free port.
    pub port: u16,
    /// `WORKERS`: how many processes serve.
    pub workers: u32,
    /// `READY_TIMEOUT_MS`: how long a new worker may take until it is ready.
    pub ready_timeout: Duration,
    /// `DRAIN_TIMEOUT_MS`: how long a drain may take; what is not answered by then is cut.
    pub drain_timeout: Duration,
    /// `LAME_DUCK_MS`: how long a draining worker goes on serving the connections that are open.
    pub lame_duck: Duration,
    /// `RESTART_DELAY_MS`: the delay before the second restart in a row; it doubles from then on.
    pub restart_delay: Duration,
    /// `RESTART_DELAY_MAX_MS`: the longest delay. A worker that is ready for longer ends
    /// the row.
    pub restart_delay_max: Duration,
    /// `MAX_SURGE`: processes beyond `WORKERS` that a roll may have alive.
    pub max_surge: u32,
    /// `MAX_UNAVAILABLE`: workers that a roll may have not ready.
    pub max_unavailable: u32,
    /// `MIN_READY_MS`: how long a new worker must have been ready until a roll relies on it.
    pub min_ready: Duration,
    /// `ROLL_TIMEOUT_MS`: how long a whole roll may take until it is abandoned.
    pub roll_timeout: Duration,
    pub(super) faults: Faults,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        const SURGE: &str = "at least 1 where MAX_UNAVAILABLE is 0: a roll must be able to move";
        let config = Config {
            port: config::port()?,
            workers: config::workers(4)?,
            ready_timeout: config::millis("READY_TIMEOUT_MS", Duration::from_secs(5))?,
            drain_timeout: config::millis("DRAIN_TIMEOUT_MS", Duration::from_secs(10))?,
            lame_duck: config::millis("LAME_DUCK_MS", Duration::from_millis(300))?,
            restart_delay: config::millis("RESTART_DELAY_MS", Duration::from_millis(200))?,
            restart_delay_max: config::millis("RESTART_DELAY_MAX_MS", Duration::from_secs(10))?,
            max_surge: config::number("MAX_SURGE", 1)?,
            max_unavailable: config::number("MAX_UNAVAILABLE", 0)?,
            min_ready: config::millis("MIN_READY_MS", Duration::from_millis(100))?,
            roll_timeout: config::millis("ROLL_TIMEOUT_MS", Duration::from_mins(5))?,
            faults: Faults::from_env()?,
        };
        if config.max_surge == 0 && config.max_unavailable == 0 {
            return Err(ConfigError::new("MAX_SURGE", "0".to_owned(), SURGE));
        }
        Ok(config)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            slots: self.workers,
            ready_timeout: self.ready_timeout,
            drain_timeout: self.drain_timeout,
            lame_duck: self.lame_duck,
            min_ready: self.min_ready,
        }
    }
}
