//! How long a worker has been silent.
//!
//! A primary that got no CPU itself for ten seconds finds ten seconds without a heartbeat from
//! anybody, and the beats unread. Whoever kills by that kills a healthy service, all of it, at the
//! worst moment. So it is known how late the primary was, and that is taken off ([`Patient::excuse`]);
//! and so is the time for which the worker itself was ready to run and had no core.

use std::time::{Duration, Instant};

use crate::given::{Beat, Patient};

/// A heartbeat was heard.
pub fn hear(patient: &mut Patient, beat: Beat, now: Instant) {
    patient.heard = now;
    patient.beat = beat;
}

/// For how long a worker has been silent while somebody listened: it was last heard at `heard`, and
/// `excused` of the time since does not count.
#[must_use]
pub fn silence(heard: Instant, excused: Duration, now: Instant) -> Duration {
    now.saturating_duration_since(heard).saturating_sub(excused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_primary_slept_through_is_nobodys_silence() {
        const S: fn(u64) -> Duration = Duration::from_secs;
        let heard = Instant::now();
        assert_eq!(silence(heard, S(0), heard + S(4)), S(4));
        assert_eq!(silence(heard, S(12), heard + S(16)), S(4));
        assert_eq!(silence(heard, S(12), heard + S(1)), S(0));
    }
}
