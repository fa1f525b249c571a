//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::time::Duration;

use cluster_basics::config::{self, ConfigError};
use supervisor::Settings;

/// What the environment asks for.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `REQUEST_TIMEOUT_MS`: how long a call may take that says nothing else.
    pub request_timeout: Duration,
    /// `MAX_IN_FLIGHT`: how many calls to one worker may be open.
    pub max_in_flight: usize,
    /// `QUEUE_LIMIT`: how many messages for one worker may be accepted and not acknowledged.
    pub queue_limit: usize,
    /// `REDELIVER`: whether the next worker in a slot gets what the last one had not acknowledged.
    pub redeliver: bool,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        Ok(Config {
            shared: Settings::from_env(3)?,
            request_timeout: config::millis("REQUEST_TIMEOUT_MS", Duration::from_secs(5))?,
            max_in_flight: places("MAX_IN_FLIGHT", 256)?,
            queue_limit: places("QUEUE_LIMIT", 64)?,
            redeliver: yes_or_no("REDELIVER")?,
        })
    }
}

/// Of a limit of 0 nothing would ever be accepted.
fn places(name: &'static str, default: u32) -> Result<usize, ConfigError> {
    let places = config::number(name, default)?;
    if places == 0 {
        let error = ConfigError::new(name, "0".to_owned(), "1 or more");
        return Err(error.by_default(default.to_string()));
    }
    Ok(places as usize)
}

fn yes_or_no(name: &'static str) -> Result<bool, ConfigError> {
    match config::number(name, 0)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(ConfigError::new(name, other.to_string(), "0 or 1").by_default("0")),
    }
}
