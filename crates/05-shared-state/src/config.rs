//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{env, path::PathBuf, time::Duration};

use cluster_basics::config::{self, ConfigError};
use supervisor::Settings;
use url::Url;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `DATABASE`: the file that all processes share.
    pub database: PathBuf,
    /// `DB_CONNECTIONS`: how many connections all processes together may have open.
    pub db_connections: u32,
    /// `MAX_SURGE`: how many workers may be alive beyond `WORKERS`, in a roll.
    pub max_surge: u32,
    /// `BUSY_TIMEOUT_MS`: how long a write waits while another process writes.
    pub busy_timeout: Duration,
    /// `SESSION_IDLE_MS`: a session that is not used for this long has ended.
    pub session_idle: Duration,
    /// `SESSION_MAX_MS`: a session has ended this long after its login, however much it is used.
    pub session_max: Duration,
    /// `CACHE_TTL_MS`: how long a cached page may be served.
    pub cache_ttl: Duration,
    /// `ACK_TIMEOUT_MS`: how long a change waits for workers that do not acknowledge it.
    pub ack_timeout: Duration,
    /// `LEASE_MS`: after this time a job may be taken away from the worker that runs it.
    pub lease: Duration,
    /// `FLIGHT`: which requests share a load of a page.
    pub flight: Flight,
    /// `ORIGIN`: the server that renders pages and does jobs. Without one the worker does it itself.
    pub origin: Option<Url>,
}

/// Which requests for a page share a load of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flight {
    /// Each request loads for itself. The tour shows what that costs; the exercise takes it for `Worker`.
    Request,
    /// The requests of one worker.
    Worker,
    /// All requests (an extra promise).
    Cluster,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        let shared = Settings::from_env(4)?;
        let max_surge = surge()?;
        Ok(Config {
            shared,
            database: env::var_os("DATABASE")
                .map_or_else(|| env::temp_dir().join("state.db"), PathBuf::from),
            db_connections: connections(shared.workers + max_surge)?,
            max_surge,
            busy_timeout: config::millis("BUSY_TIMEOUT_MS", Duration::from_secs(1))?,
            session_idle: config::millis("SESSION_IDLE_MS", Duration::from_mins(30))?,
            session_max: config::millis("SESSION_MAX_MS", Duration::from_hours(8))?,
            cache_ttl: config::millis("CACHE_TTL_MS", Duration::from_mins(1))?,
            ack_timeout: config::millis("ACK_TIMEOUT_MS", Duration::from_secs(2))?,
            lease: config::millis("LEASE_MS", Duration::from_secs(10))?,
            flight: flight()?,
            origin: origin()?,
        })
    }
}

/// A roll starts a successor before the old worker ends, so it needs room for one more.
fn surge() -> Result<u32, ConfigError> {
    match config::number("MAX_SURGE", 1)? {
        0 => Err(ConfigError::new("MAX_SURGE", "0".to_owned(), "1 or more").by_default("1")),
        surge => Ok(surge),
    }
}

/// The primary has one connection, and each worker at least one.
fn connections(workers: u32) -> Result<u32, ConfigError> {
    const WANTED: &str = "at least 1 + WORKERS + MAX_SURGE";
    let default = (workers * 2 + 1).max(12);
    let connections = config::number("DB_CONNECTIONS", default)?;
    if connections > workers {
        return Ok(connections);
    }
    let error = ConfigError::new("DB_CONNECTIONS", connections.to_string(), WANTED);
    Err(error.by_default(default.to_string()))
}

fn flight() -> Result<Flight, ConfigError> {
    let Some(text) = env::var_os("FLIGHT") else { return Ok(Flight::Worker) };
    match text.to_str() {
        Some("request") => Ok(Flight::Request),
        Some("worker") => Ok(Flight::Worker),
        Some("cluster") => Ok(Flight::Cluster),
        _ => {
            let text = text.to_string_lossy().into_owned();
            let error = ConfigError::new("FLIGHT", text, "request, worker or cluster");
            Err(error.by_default("worker"))
        }
    }
}

fn origin() -> Result<Option<Url>, ConfigError> {
    const WANTED: &str = "an address such as http://127.0.0.1:9000";
    let Some(text) = env::var_os("ORIGIN") else { return Ok(None) };
    let text = text.to_string_lossy().into_owned();
    match Url::parse(&text) {
        Ok(url) if url.scheme() == "http" && url.has_host() => Ok(Some(url)),
        _ => Err(ConfigError::new("ORIGIN", text, WANTED).by_default("no origin")),
    }
}
