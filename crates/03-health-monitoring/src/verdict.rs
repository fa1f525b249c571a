//! What the signs say about a worker: a graduated response.
//!
//! A warning costs nobody anything. Draining costs a start, and no request. Killing costs whatever
//! the worker holds: it is for one that does not hear anything else.

use std::time::Duration;

use events::{Condition, Level};

/// The signs of one worker.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// For how long it has been silent.
    pub silence: Duration,
    /// Its memory.
    pub rss_bytes: u64,
    /// Requests that it has answered in the last while.
    pub requests: u64,
    /// Answers among them that were errors.
    pub errors: u64,
    /// Percent of a core that it used, if that is known.
    pub cpu_percent: Option<u64>,
}

/// From where on a sign is bad.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// A silence that is one too long.
    pub timeout: Duration,
    /// More memory than this.
    pub memory: u64,
    /// A larger percentage of errors than this.
    pub errors: u32,
    /// With fewer requests than this a percentage is noise.
    pub min_requests: u64,
    /// A larger percentage of a core than this, if there is a limit.
    pub cpu: Option<u32>,
}

/// What is to be done about a worker, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Healthy,
    /// Somebody should know.
    Warn(Condition, String),
    /// Replace it, and let it finish what it holds.
    Drain(Condition, String),
    /// Replace it; it would not hear an order to drain.
    Kill(Condition, String),
}

/// Something to say about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// How bad it is.
    pub level: Level,
    /// What is the matter.
    pub condition: Condition,
    /// The same in words.
    pub text: String,
}

impl News {
    /// Something is the matter, and is acted upon.
    #[must_use]
    pub fn critical(condition: Condition, text: String) -> Self {
        News { level: Level::Critical, condition, text }
    }

    /// What was said last is over.
    #[must_use]
    pub fn resolved((_, condition): (Level, Condition)) -> Self {
        News { level: Level::Resolved, condition, text: "well again".to_owned() }
    }
}

impl Verdict {
    /// Whether the worker can be relied on: nobody is about to take it out.
    #[must_use]
    pub fn is_reliable(&self) -> bool {
        matches!(self, Verdict::Healthy | Verdict::Warn(..))
    }

    /// What there is to say about it; `None` when all is well.
    #[must_use]
    pub fn news(&self) -> Option<News> {
        let (level, condition, text) = match self {
            Verdict::Healthy => return None,
            Verdict::Warn(condition, text) => (Level::Warning, condition, text),
            Verdict::Drain(condition, text) | Verdict::Kill(condition, text) => {
                (Level::Critical, condition, text)
            }
        };
        Some(News { level, condition: *condition, text: text.clone() })
    }
}

/// Judges by the worst sign.
#[must_use]
pub fn judge(signs: Signs, limits: Thresholds) -> Verdict {
    let Signs { silence, rss_bytes, requests, errors, cpu_percent } = signs;
    let silent = || format!("no heartbeat for {:.1} s", silence.as_secs_f64());
    if silence >= limits.timeout {
        return Verdict::Kill(Condition::Heartbeat, silent());
    }
    if rss_bytes > limits.memory {
        let (has, may) = (megabytes(rss_bytes), megabytes(limits.memory));
        return Verdict::Drain(Condition::Memory, format!("uses {has} MB of {may}"));
    }
    if requests >= limits.min_requests && errors * 100 > requests * u64::from(limits.errors) {
        let text = format!("{errors} of {requests} answers are errors");
        return Verdict::Drain(Condition::Errors, text);
    }
    if let (Some(percent), Some(limit)) = (cpu_percent, limits.cpu)
        && percent > limit.into()
    {
        return Verdict::Drain(Condition::Cpu, format!("uses {percent} % of a core"));
    }
    if silence >= limits.timeout / 2 {
        return Verdict::Warn(Condition::Heartbeat, silent());
    }
    if rss_bytes > limits.memory / 5 * 4 {
        let (has, may) = (megabytes(rss_bytes), megabytes(limits.memory));
        return Verdict::Warn(Condition::Memory, format!("uses {has} MB of {may}"));
    }
    Verdict::Healthy
}

fn megabytes(bytes: u64) -> u64 {
    bytes >> 20
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Thresholds = Thresholds {
        timeout: Duration::from_secs(10),
        memory: 100 << 20,
        errors: 20,
        min_requests: 10,
        cpu: Some(90),
    };

    fn condition(signs: Signs) -> Option<(char, Condition)> {
        match judge(signs, LIMITS) {
            Verdict::Healthy => None,
            Verdict::Warn(condition, _) => Some(('w', condition)),
            Verdict::Drain(condition, _) => Some(('d', condition)),
            Verdict::Kill(condition, _) => Some(('k', condition)),
        }
    }

    #[test]
    fn each_sign_has_its_threshold_and_is_mild_below_it() {
        let silent = |seconds| Signs { silence: Duration::from_secs(seconds), ..Signs::default() };
        let heavy = |mb: u64| Signs { rss_bytes: mb << 20, ..Signs::default() };
        let failing = |errors, requests| Signs { requests, errors, ..Signs::default() };
        let busy = |percent| Signs { cpu_percent: Some(percent), ..Signs::default() };
        assert_eq!(condition(silent(4)), None);
        assert_eq!(condition(silent(5)), Some(('w', Condition::Heartbeat)));
        assert_eq!(condition(silent(10)), Some(('k', Condition::Heartbeat)));
        assert_eq!(condition(heavy(79)), None);
        assert_eq!(condition(heavy(81)), Some(('w', Condition::Memory)));
        assert_eq!(condition(heavy(101)), Some(('d', Condition::Memory)));
        assert_eq!(condition(failing(9, 9)), None);
        assert_eq!(condition(failing(2, 10)), None);
        assert_eq!(condition(failing(3, 10)), Some(('d', Condition::Errors)));
        assert_eq!(condition(busy(90)), None);
        assert_eq!(condition(busy(91)), Some(('d', Condition::Cpu)));
    }

    #[test]
    fn one_that_is_silent_is_killed_whatever_else_it_has() {
        let signs = Signs {
            silence: Duration::from_secs(10),
            rss_bytes: 500 << 20,
            requests: 100,
            errors: 100,
            cpu_percent: Some(100),
        };
        assert_eq!(condition(signs), Some(('k', Condition::Heartbeat)));
    }
}
