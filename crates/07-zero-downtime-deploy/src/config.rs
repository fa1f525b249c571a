//! The settings of PROTOCOL.md, with the defaults of the exercise.

use std::{env, path::PathBuf, time::Duration};

use cluster_basics::config::{self, ConfigError};
use supervisor::{Faults, Settings};

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Config {
    /// What every chapter has, such as `WORKERS`.
    pub shared: Settings,
    /// `ADMIN_PORT`: where operators ask; 0 for any free port.
    pub admin_port: u16,
    /// `STEPS`: the shares of a deploy, in percent.
    pub steps: Vec<u32>,
    /// `STEP_ANSWERS`: after this many answers of the candidate a step has ended well.
    pub step_answers: u32,
    /// `WORSE`: how many times as many errors a bad version has.
    pub worse: f64,
    /// `DOUBT`: how much better "worse" must explain what was seen than "no worse".
    pub doubt: f64,
    /// `LOOK_ANSWERS`: how many answers of the candidate are one look.
    pub look_answers: usize,
    /// `SLOWER_BY_MS`: how much slower the candidate's median may be.
    pub slower_by: Duration,
    /// `SLOW_LOOKS`: this many slow looks in a row send the candidate back.
    pub slow_looks: u32,
    /// `KEEP_MS`: how long the last step is kept after it has ended well.
    pub keep: Duration,
    /// `ACK_TIMEOUT_MS`: how long a worker may take to acknowledge a split.
    pub ack_timeout: Duration,
    /// `ANSWER_TIMEOUT_MS`: how long the head of a candidate's answer may take.
    pub answer_timeout: Duration,
    /// `MIN_READY_MS`: how long a new worker must have been ready until a roll relies on it.
    pub min_ready: Duration,
    /// `DEPLOY_LOG`: who deployed what, and what became of it.
    pub deploy_log: PathBuf,
    pub(crate) faults: Faults,
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// When a setting makes no sense.
    pub fn from_env() -> Result<Self, ConfigError> {
        let log = env::var_os("DEPLOY_LOG").map(PathBuf::from);
        Ok(Config {
            shared: Settings::from_env(4)?,
            admin_port: config::port_of("ADMIN_PORT", 8001)?,
            steps: steps()?,
            step_answers: number("STEP_ANSWERS", 200, 1)?,
            worse: number("WORSE", 4, 2)?.into(),
            doubt: number("DOUBT", 100, 2)?.into(),
            look_answers: number("LOOK_ANSWERS", 20, 1)? as usize,
            slower_by: config::millis("SLOWER_BY_MS", Duration::from_millis(50))?,
            slow_looks: number("SLOW_LOOKS", 3, 1)?,
            keep: config::millis("KEEP_MS", Duration::ZERO)?,
            ack_timeout: config::millis("ACK_TIMEOUT_MS", Duration::from_secs(2))?,
            answer_timeout: config::millis("ANSWER_TIMEOUT_MS", Duration::from_secs(10))?,
            min_ready: config::millis("MIN_READY_MS", Duration::from_millis(100))?,
            deploy_log: log.unwrap_or_else(|| env::temp_dir().join("deploys.log")),
            faults: Faults::from_env()?,
        })
    }
}

/// A whole number from `least` to 1000.
fn number(name: &'static str, default: u32, least: u32) -> Result<u32, ConfigError> {
    let number = config::number(name, default)?;
    if number >= least {
        return Ok(number);
    }
    let wanted = if least == 1 { "a number from 1 to 1000" } else { "a number from 2 to 1000" };
    Err(ConfigError::new(name, number.to_string(), wanted).by_default(default.to_string()))
}

fn steps() -> Result<Vec<u32>, ConfigError> {
    const DEFAULT: &str = "5,25,50";
    let text = env::var_os("STEPS")
        .map_or_else(|| DEFAULT.to_owned(), |text| text.to_string_lossy().into_owned());
    parse_steps(&text).ok_or_else(|| {
        ConfigError::new("STEPS", text, "percentages from 1 to 100 that grow, such as 5,25,50")
            .by_default(DEFAULT)
    })
}

fn parse_steps(text: &str) -> Option<Vec<u32>> {
    let steps: Vec<u32> =
        text.split(',').map(|step| step.trim().parse().ok()).collect::<Option<_>>()?;
    let is_sensible = steps.iter().all(|step| (1..=100).contains(step));
    (is_sensible && steps.is_sorted_by(|step, next| step < next)).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_from_1_to_100() {
        assert_eq!(parse_steps("5, 25,50"), Some(vec![5, 25, 50]));
        assert_eq!(parse_steps("100"), Some(vec![100]));
        for text in ["", "0", "101", "5,5", "25,5", "5,,25", "5;25", "-1", "2.5"] {
            assert_eq!(parse_steps(text), None, "{text}");
        }
    }
}
