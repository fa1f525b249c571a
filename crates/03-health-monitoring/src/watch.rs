//! How long a worker has been silent.
//!
//! A primary that got no CPU itself for ten seconds finds ten seconds without a heartbeat from
//! anybody, and the beats unread. Whoever kills by that kills a healthy service, all of it, at the
//! worst moment. So the watch knows how late the primary was, and takes it off.

use std::time::{Duration, Instant};

/// The watch over one worker.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    heard: Instant,
    /// How long we were not able to hear anything since.
    excused: Duration,
}

impl Watch {
    /// A watch that begins now.
    #[must_use]
    pub fn since(now: Instant) -> Self {
        Watch { heard: now, excused: Duration::ZERO }
    }

    /// The primary looks `late` after it meant to: so long it heard nobody.
    pub fn excuse(&mut self, late: Duration) {
        self.excused += late;
    }

    /// When the last heartbeat was heard.
    #[must_use]
    pub fn heard(&self) -> Instant {
        self.heard
    }

    /// For how long the worker has been silent while somebody listened.
    #[must_use]
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard).saturating_sub(self.excused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_primary_that_was_away_blames_nobody_for_it() {
        let began = Instant::now();
        let mut watch = Watch::since(began);
        assert_eq!(watch.silence(began + S(4)), S(4));
        watch.excuse(S(12));
        assert_eq!(watch.silence(began + S(16)), S(4));
        assert_eq!(Watch::since(began + S(16)).silence(began + S(17)), S(1));
    }
}
