//! When a slot may have its next worker: the restart delays of chapter 02.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use events::{Event, emit, millis};
use rolling_restart::{
    fleet::Worker,
    given::Version,
    restart::{Intensity, Restarts, Strategy},
};

use super::Config;

/// The deaths of each slot, in a row.
pub struct Deaths {
    restarts: Restarts,
    /// By slot: the last worker that was counted, by its birth, and how many that made in a row.
    counted: BTreeMap<u32, (Instant, u32)>,
}

impl Deaths {
    /// Nobody died yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let (first, most) = (config.restart_delay, config.restart_delay_max);
        // Each slot has a limit of its own here; there is none for all of them together.
        let any = Intensity { restarts: usize::MAX, within: Duration::ZERO };
        let restarts = Restarts::new(Strategy::Backoff { first, most }, any);
        Deaths { restarts, counted: BTreeMap::new() }
    }

    /// `worker` died, or has to be replaced: its slot gets the next one at once if this is the first
    /// in a row, then after delays that grow. One that is found sick and then dies counts once.
    /// Answers with how many that are in a row.
    pub fn count(&mut self, worker: &Worker) -> u32 {
        let (slot, now) = (worker.slot, Instant::now());
        if let Some((born, deaths)) = self.counted.get(&slot)
            && *born == worker.born
        {
            return *deaths;
        }
        let served = worker.state.ready_since().map_or(Duration::ZERO, |since| now - since);
        let random = fastrand::f64();
        let (deaths, delay) = self.restarts.died(slot, worker.version, served, now, random);
        if !delay.is_zero() {
            emit(&Event::RestartDelayed { worker: slot, deaths, millis: millis(delay) });
        }
        self.counted.insert(slot, (worker.born, deaths));
        deaths
    }

    /// Whether `slot` may have a worker now.
    #[must_use]
    pub fn may_start(&self, slot: u32, now: Instant) -> bool {
        self.restarts.may_start(slot, Version::FIRST, now)
    }

    /// When the next slot may have one that may not yet.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.restarts.deadline(now)
    }
}
