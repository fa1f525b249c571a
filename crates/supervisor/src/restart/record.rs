//! The deaths, written down for the program that takes this primary's place: it waits as long as this one
//! would have, before it starts a version that keeps dying.

use std::time::{Duration, Instant};

use events::{Slot, millis};
use serde::{Deserialize, Serialize};

use super::{RestartHistory, Streak};
use crate::version::Version;

/// A [`RestartHistory`], with each moment as its distance from now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartRecord {
    streaks: Vec<StreakRecord>,
    /// How long ago each recent death was.
    recent_ms: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StreakRecord {
    slot: Slot,
    version: Version,
    deaths: u32,
    wait_ms: u64,
    age_ms: u64,
}

impl RestartHistory {
    /// What is known now.
    #[must_use]
    pub fn record(&self, now: Instant) -> RestartRecord {
        let streaks = self.streaks.iter().map(|((slot, version), streak)| StreakRecord {
            slot: *slot,
            version: *version,
            deaths: streak.deaths,
            wait_ms: millis(streak.not_before.saturating_duration_since(now)),
            age_ms: millis(now.saturating_duration_since(streak.born)),
        });
        let recent = self.recent.iter().map(|at| millis(now.saturating_duration_since(*at)));
        RestartRecord { streaks: streaks.collect(), recent_ms: recent.collect() }
    }

    /// The same history, with what another program of this primary knew.
    #[must_use]
    pub fn resumed(mut self, record: &RestartRecord, now: Instant) -> Self {
        let ago = |ms| now.checked_sub(Duration::from_millis(ms)).unwrap_or(now);
        for it in &record.streaks {
            let not_before = now + Duration::from_millis(it.wait_ms);
            let streak = Streak { deaths: it.deaths, not_before, born: ago(it.age_ms) };
            self.streaks.insert((it.slot, it.version), streak);
        }
        self.recent = record.recent_ms.iter().map(|ms| ago(*ms)).collect();
        self
    }
}
