//! Settings from the environment. What makes no sense is refused at once, with one sentence that
//! says what to write instead, and never by a panic later on.

use std::{env, fmt::Display, str::FromStr, time::Duration};

/// A setting that makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}={value} makes no sense: write {wanted}, or leave it out for {default}")]
pub struct ConfigError {
    name: &'static str,
    value: String,
    wanted: &'static str,
    default: String,
}

impl ConfigError {
    /// `name` is `value`, but should be something that is `wanted`.
    #[must_use]
    pub fn new(name: &'static str, value: String, wanted: &'static str) -> Self {
        ConfigError { name, value, wanted, default: "the default".to_owned() }
    }

    /// Names the value that holds without that setting.
    #[must_use]
    pub fn by_default(mut self, default: impl Into<String>) -> Self {
        self.default = default.into();
        self
    }
}

/// `PORT`, with 0 for any free one.
///
/// # Errors
/// When it isn't a number from 0 to 65535.
pub fn port() -> Result<u16, ConfigError> {
    port_of("PORT", 8000)
}

/// Another port, with 0 for any free one.
///
/// # Errors
/// As for [`port`].
pub fn port_of(name: &'static str, default: u16) -> Result<u16, ConfigError> {
    read(name, default, "a number from 0 (any free port) to 65535", |_| true)
}

/// `WORKERS`: how many processes serve.
///
/// # Errors
/// When it isn't a number from 1 to 64.
pub fn workers(default: u32) -> Result<u32, ConfigError> {
    read("WORKERS", default, "a number from 1 to 64", |n| (1..=64).contains(n))
}

/// A whole number, 1000 at most.
///
/// # Errors
/// When it is anything else.
pub fn number(name: &'static str, default: u32) -> Result<u32, ConfigError> {
    read(name, default, "a whole number from 0 to 1000", |n| *n <= 1000)
}

/// A duration, written as whole milliseconds.
///
/// # Errors
/// When it isn't a number, or is longer than a day.
pub fn millis(name: &'static str, default: Duration) -> Result<Duration, ConfigError> {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let default = u64::try_from(default.as_millis()).unwrap_or(DAY);
    read(name, default, "milliseconds as a whole number, a day at most", |ms| *ms <= DAY)
        .map(Duration::from_millis)
}

fn read<T: FromStr + Display>(
    name: &'static str,
    default: T,
    wanted: &'static str,
    is_sensible: impl Fn(&T) -> bool,
) -> Result<T, ConfigError> {
    let Some(value) = env::var_os(name) else {
        return Ok(default);
    };
    let value = value.to_string_lossy().into_owned();
    match value.trim().parse() {
        Ok(parsed) if is_sensible(&parsed) => Ok(parsed),
        _ => Err(ConfigError { name, value, wanted, default: default.to_string() }),
    }
}
