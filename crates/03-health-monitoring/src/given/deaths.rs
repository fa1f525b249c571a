//! When a slot may have its next worker: the restart delays of chapter 02.

use std::time::{Duration, Instant};

use events::{Event, emit};
use rolling_restart::{
    fleet::Worker,
    given::Version,
    restart::{Intensity, Restarts, Strategy},
};

use super::Config;

/// The deaths of each slot, in a row.
pub struct Deaths(Restarts);

impl Deaths {
    /// Nobody died yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (first, most) = (config.restart_delay, config.restart_delay_max);
        // Each slot has a limit of its own here; there is none for all of them together.
        let any = Intensity { restarts: usize::MAX, within: Duration::ZERO };
        Deaths(Restarts::new(Strategy::Backoff { first, most }, any))
    }

    /// `worker` died, or has to be replaced: its slot gets the next one at once if this is the first
    /// in a row, then after delays that grow. Answers with how many that are in a row.
    pub fn count(&mut self, worker: &Worker) -> u32 {
        let (slot, now) = (worker.slot, Instant::now());
        let served = worker.state.ready_since().map_or(Duration::ZERO, |since| now - since);
        let (deaths, delay) = self.0.died(slot, worker.version, served, now, fastrand::f64());
        if !delay.is_zero() {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            emit(&Event::RestartDelayed { worker: slot, deaths, millis });
        }
        deaths
    }

    /// Whether `slot` may have a worker now.
    #[must_use]
    pub fn may_start(&self, slot: u32, now: Instant) -> bool {
        self.0.may_start(slot, Version::FIRST, now)
    }

    /// When the next slot may have one that may not yet.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.0.deadline(now)
    }
}
