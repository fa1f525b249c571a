//! What the signs say about a worker: a graduated response.
//!
//! A warning costs nothing. A drain costs a start, and no request. A kill costs all that the worker
//! holds: it is for a worker that hears nothing else.

use std::time::{Duration, Instant};

use health_monitoring::{Condition, Config, Verdict, WorkerHealth};

use crate::silence::silence;

/// The signs of one worker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signs {
    /// For how long it has been silent.
    pub(crate) silence: Duration,
    /// Its memory.
    pub(crate) rss_bytes: u64,
    /// Requests that it has answered in the last while.
    pub(crate) requests: u64,
    /// Answers among them that were errors.
    pub(crate) errors: u64,
    /// Percent of a core that it used, if that is known.
    pub(crate) cpu_percent: Option<u64>,
}

impl Signs {
    /// Those of the worker with `health`.
    pub(crate) fn of(health: &WorkerHealth, now: Instant) -> Self {
        let counts = health.window.counts();
        Signs {
            silence: silence(health.heard, health.allowance, now),
            rss_bytes: health.usage.rss_bytes,
            requests: counts.requests,
            errors: counts.errors,
            cpu_percent: health.window.cpu_percent(),
        }
    }
}

/// From where on a sign is bad.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thresholds {
    /// This much silence, or more.
    pub(crate) timeout: Duration,
    /// More memory than this.
    pub(crate) memory: u64,
    /// A larger percentage of errors than this.
    pub(crate) errors: u32,
    /// With fewer requests than this a percentage is noise.
    pub(crate) min_requests: u64,
    /// A larger percentage of a core than this, if there is a limit.
    pub(crate) cpu: Option<u32>,
}

impl Thresholds {
    /// Those of `config`.
    pub(crate) fn of(config: &Config) -> Self {
        Thresholds {
            timeout: config.heartbeat_timeout,
            memory: config.memory_limit,
            errors: config.error_rate_limit,
            min_requests: config.min_requests,
            cpu: config.cpu_limit,
        }
    }
}

/// Judges by the worst sign.
pub(crate) fn judge(signs: Signs, limits: Thresholds) -> Verdict {
    let Signs { silence, rss_bytes, requests, errors, cpu_percent } = signs;
    let silent = || format!("no heartbeat for {:.1} s", silence.as_secs_f64());
    // Silence first: a worker that hears nothing can't drain, whatever else it has.
    if silence >= limits.timeout {
        return Verdict::Kill(Condition::Heartbeat, silent());
    }
    if rss_bytes > limits.memory {
        let (has, may) = (megabytes(rss_bytes), megabytes(limits.memory));
        return Verdict::Drain(Condition::Memory, format!("uses {has} MB of {may}"));
    }
    // One error of one request is 100 %, and says nothing.
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
    fn a_silent_worker_is_killed_whatever_else_it_has() {
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
