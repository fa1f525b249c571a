//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{env, time::Duration};

use cluster_basics::config::{self, ConfigError};
use supervisor::{Faults, Settings};
use url::Url;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `ADMIN_PORT`: where operators ask; 0 for any free port.
    pub admin_port: u16,
    /// `HEARTBEAT_MS`: from one heartbeat to the next.
    pub heartbeat: Duration,
    /// `HEARTBEAT_TIMEOUT_MS`: how long a worker may be silent.
    pub heartbeat_timeout: Duration,
    /// `MEMORY_LIMIT_MB`, in bytes.
    pub memory_limit: u64,
    /// `ERROR_RATE_LIMIT`: percent of a worker's answers.
    pub error_rate_limit: u32,
    /// `MIN_REQUESTS`: with fewer in the window, an error rate says nothing.
    pub min_requests: u64,
    /// `WINDOW_MS`: how far back an error rate, and the use of the CPU, look.
    pub window: Duration,
    /// `CPU_LIMIT`: percent of one core; none by default.
    pub cpu_limit: Option<u32>,
    /// `MAX_RESTARTS`: the longest streak of restarts; one more, and the slot is given up.
    pub max_restarts: u32,
    /// `RETRY_AFTER_MS`: how long a slot that was given up is left empty until one more start is tried.
    pub retry_after: Duration,
    /// `ALERT_URL`: where alerts go, with POST.
    pub alert_url: Option<Url>,
    /// `REPORT_MS`: from one report to the next.
    pub report: Duration,
    pub(crate) faults: Faults,
}

const MB: u64 = 1 << 20;

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        const BEATS: &str = "at least twice HEARTBEAT_MS (one late heartbeat isn't a death)";
        let config = Config {
            shared: Settings::from_env(3)?,
            admin_port: config::port_of("ADMIN_PORT", 8001)?,
            heartbeat: config::millis("HEARTBEAT_MS", Duration::from_secs(3))?,
            heartbeat_timeout: config::millis("HEARTBEAT_TIMEOUT_MS", Duration::from_secs(10))?,
            memory_limit: u64::from(config::number("MEMORY_LIMIT_MB", 100)?) * MB,
            error_rate_limit: config::number("ERROR_RATE_LIMIT", 20)?,
            min_requests: u64::from(config::number("MIN_REQUESTS", 10)?),
            window: config::millis("WINDOW_MS", Duration::from_secs(30))?,
            cpu_limit: Some(config::number("CPU_LIMIT", 0)?).filter(|percent| *percent > 0),
            max_restarts: config::number("MAX_RESTARTS", 5)?,
            retry_after: config::millis("RETRY_AFTER_MS", Duration::from_mins(5))?,
            alert_url: alert_url()?,
            report: config::millis("REPORT_MS", Duration::from_secs(15))?,
            faults: Faults::from_env()?,
        };
        if config.heartbeat.is_zero() {
            return Err(zero("HEARTBEAT_MS", "3000"));
        }
        if config.report.is_zero() {
            return Err(zero("REPORT_MS", "15000"));
        }
        if config.memory_limit == 0 {
            return Err(zero("MEMORY_LIMIT_MB", "100"));
        }
        if config.heartbeat_timeout < config.heartbeat * 2 {
            let value = config.heartbeat_timeout.as_millis().to_string();
            let error = ConfigError::new("HEARTBEAT_TIMEOUT_MS", value, BEATS);
            return Err(error.by_default("10000"));
        }
        Ok(config)
    }
}

fn alert_url() -> Result<Option<Url>, ConfigError> {
    let Some(text) = env::var_os("ALERT_URL").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.to_string_lossy().into_owned();
    let url = Url::parse(&text).ok().filter(is_usable);
    let wanted = "an http address (no https, no password) such as http://127.0.0.1:9000/alerts";
    let error = || ConfigError::new("ALERT_URL", text, wanted).by_default("no alerts");
    url.map(Some).ok_or_else(error)
}

/// What is accepted must work, so what the webhook can't do is refused.
fn is_usable(url: &Url) -> bool {
    let has_user = !url.username().is_empty() || url.password().is_some();
    url.scheme() == "http" && url.has_host() && url.port() != Some(0) && !has_user
}

/// A limit or an interval that is 0.
fn zero(name: &'static str, default: &str) -> ConfigError {
    ConfigError::new(name, "0".to_owned(), "1 or more").by_default(default)
}
