//! Which workers hear of a change. `TELL=none` shows a cache that is right only in the end.

use std::env;

use cluster_basics::config::ConfigError;

/// What `TELL` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// All of them, before the change is answered.
    Workers,
    /// No worker but the one that changes the value. The others serve their copies until these expire.
    NoWorker,
}

impl Telling {
    /// Reads `TELL`.
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        let Some(text) = env::var_os("TELL") else { return Ok(Telling::Workers) };
        match text.to_str() {
            Some("workers") => Ok(Telling::Workers),
            Some("none") => Ok(Telling::NoWorker),
            _ => {
                let text = text.to_string_lossy().into_owned();
                Err(ConfigError::new("TELL", text, "workers or none").by_default("workers"))
            }
        }
    }
}
