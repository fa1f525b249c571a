//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::time::Duration;

use cluster_basics::config::{self, ConfigError};
use supervisor::{Faults, Settings};

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `MAX_SURGE`: processes beyond `WORKERS` that a roll may have alive.
    pub max_surge: u32,
    /// `MAX_UNAVAILABLE`: how many workers may be missing because a roll took them out.
    pub max_unavailable: u32,
    /// `MIN_READY_MS`: how long a new worker must have been ready until a roll relies on it.
    pub min_ready: Duration,
    /// `ROLL_TIMEOUT_MS`: how long a whole roll may take until it is abandoned.
    pub roll_timeout: Duration,
    pub(crate) faults: Faults,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        const SURGE: &str = "at least 1 where MAX_UNAVAILABLE is 0: a roll must be able to move";
        let config = Config {
            shared: Settings::from_env(4)?,
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
}
