//! How long a worker has been silent.
//!
//! A primary that got no CPU itself for ten seconds finds ten seconds without a heartbeat from any
//! worker, and the heartbeats unread. A monitor that kills by that kills a healthy service, all of
//! it, at the worst moment. So the primary knows how late it was itself, and allows for that
//! ([`allow`](health_monitoring::WorkerHealth::allow)); and for the time that the worker was ready
//! to run and had no core.

use std::time::{Duration, Instant};

/// For how long a worker has been silent: the primary heard it last at `heard`, and `allowance` of
/// the time since then doesn't count.
pub(crate) fn silence(heard: Instant, allowance: Duration, now: Instant) -> Duration {
    now.saturating_duration_since(heard).saturating_sub(allowance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_starvation_allowance_is_not_silence() {
        const S: fn(u64) -> Duration = Duration::from_secs;
        let heard = Instant::now();
        assert_eq!(silence(heard, S(0), heard + S(4)), S(4));
        assert_eq!(silence(heard, S(12), heard + S(16)), S(4));
        assert_eq!(silence(heard, S(12), heard + S(1)), S(0));
    }
}
