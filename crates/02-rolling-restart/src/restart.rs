//! When a worker that died is replaced: at once, later, or not at all.
//!
//! One death is an accident, and every millisecond without its worker counts. Many in a row are a
//! bug that a restart does not mend: each one costs CPU and log, and may hurt what it depends on.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::given::Version;

/// How long a slot stays empty after a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Not at all, however often it happens.
    Immediate,
    /// Not at all after the first death in a row; then for `first`, and twice as long each time, up
    /// to `most`. A worker that is ready for longer than `most` ends the row.
    Backoff {
        /// The delay after the second death.
        first: Duration,
        /// The longest delay.
        most: Duration,
    },
}

impl Strategy {
    /// The delay after so many `deaths` in a row. `random`, from 0 to 1, takes up to half of it
    /// away: workers that died together shall not come back together.
    #[must_use]
    pub fn delay(self, deaths: u32, random: f64) -> Duration {
        match self {
            Strategy::Backoff { first, most } if deaths > 1 => {
                let doublings = (deaths - 2).min(20);
                first.saturating_mul(1 << doublings).min(most).mul_f64(1.0 - random / 2.0)
            }
            Strategy::Immediate | Strategy::Backoff { .. } => Duration::ZERO,
        }
    }

    fn ends_the_row(self, served: Duration) -> bool {
        match self {
            Strategy::Immediate => true,
            Strategy::Backoff { most, .. } => served > most,
        }
    }
}

/// Restart intensity, as Erlang/OTP has it: how many restarts, within which time, are still normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// This many are.
    pub restarts: usize,
    /// Within this time.
    pub within: Duration,
}

/// The deaths of a cluster.
#[derive(Clone, Debug)]
pub struct Restarts {
    strategy: Strategy,
    intensity: Intensity,
    rows: BTreeMap<(u32, Version), Row>,
    recent: VecDeque<Instant>,
}

/// Deaths in a row of one version in one slot, and when it may be started there again. Another
/// version starts with a clean slate.
#[derive(Clone, Copy, Debug)]
struct Row {
    deaths: u32,
    not_before: Instant,
}

impl Restarts {
    /// Nobody died yet.
    #[must_use]
    pub fn new(strategy: Strategy, intensity: Intensity) -> Self {
        let (rows, recent) = (BTreeMap::new(), VecDeque::new());
        Restarts { strategy, intensity, rows, recent }
    }

    /// A worker of `slot` with `version` died that had been ready for `served`. Answers with the
    /// number of deaths in a row, and the delay.
    pub fn died(
        &mut self,
        slot: u32,
        version: Version,
        served: Duration,
        now: Instant,
        random: f64,
    ) -> (u32, Duration) {
        self.recent.push_back(now);
        self.recent.retain(|at| now.duration_since(*at) <= self.intensity.within);
        let row = self.rows.entry((slot, version)).or_insert(Row { deaths: 0, not_before: now });
        row.deaths = if self.strategy.ends_the_row(served) { 1 } else { row.deaths + 1 };
        let delay = self.strategy.delay(row.deaths, random);
        row.not_before = now + delay;
        (row.deaths, delay)
    }

    /// Whether `slot` may have a new worker with `version`.
    #[must_use]
    pub fn may_start(&self, slot: u32, version: Version, now: Instant) -> bool {
        self.rows.get(&(slot, version)).is_none_or(|row| now >= row.not_before)
    }

    /// When the next slot may have one that may not yet.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.rows.values().map(|row| row.not_before).filter(|at| *at > now).min()
    }

    /// Whether more workers died lately than is normal. OTP's supervisor then ends its children and
    /// itself, and leaves it to whoever supervises it.
    #[must_use]
    pub fn is_too_much(&self, now: Instant) -> bool {
        let is_recent = |at: &&Instant| now.duration_since(**at) <= self.intensity.within;
        self.recent.iter().filter(is_recent).count() > self.intensity.restarts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn backoff() -> Strategy {
        Strategy::Backoff { first: MS(200), most: MS(10_000) }
    }

    #[test]
    fn the_first_death_costs_no_time_and_then_the_delay_doubles_up_to_a_limit() {
        let delays: Vec<_> = (1..=9).map(|deaths| backoff().delay(deaths, 0.0)).collect();
        let wanted = [0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map(MS);
        assert_eq!(delays, wanted);
        assert_eq!(backoff().delay(u32::MAX, 0.0), MS(10_000));
        assert_eq!(Strategy::Immediate.delay(9, 0.0), Duration::ZERO);
    }

    #[test]
    fn jitter_takes_up_to_half_of_a_delay_away() {
        assert_eq!(backoff().delay(3, 1.0), MS(200));
        assert_eq!(backoff().delay(3, 0.5), MS(300));
    }

    #[test]
    fn even_with_the_luckiest_jitter_a_loop_boots_at_most_eight_times_in_ten_seconds() {
        let starts = (1..).scan(Duration::ZERO, |at, deaths| {
            *at += backoff().delay(deaths, 1.0);
            Some(*at)
        });
        let boots = 1 + starts.take_while(|at| *at < Duration::from_secs(10)).count();
        assert_eq!(boots, 8);
    }

    #[test]
    fn a_worker_that_served_long_enough_ends_the_row() {
        let now = Instant::now();
        let mut restarts = Restarts::new(backoff(), Intensity { restarts: 9, within: MS(1000) });
        assert_eq!(restarts.died(1, Version::FIRST, MS(10), now, 0.0), (1, Duration::ZERO));
        assert_eq!(restarts.died(1, Version::FIRST, MS(10), now, 0.0), (2, MS(200)));
        let next = Version::FIRST.next_minor();
        assert!(!restarts.may_start(1, Version::FIRST, now));
        assert!(restarts.may_start(2, Version::FIRST, now) && restarts.may_start(1, next, now));
        assert_eq!(restarts.deadline(now), Some(now + MS(200)));
        assert_eq!(restarts.died(1, Version::FIRST, MS(10_001), now, 0.0), (1, Duration::ZERO));
        assert!(restarts.may_start(1, Version::FIRST, now));
    }

    #[test]
    fn more_restarts_than_the_intensity_allows_are_too_much_until_they_are_long_ago() {
        let now = Instant::now();
        let mut restarts = Restarts::new(backoff(), Intensity { restarts: 2, within: MS(1000) });
        for slot in 1..=2 {
            restarts.died(slot, Version::FIRST, MS(10), now, 0.0);
        }
        assert!(!restarts.is_too_much(now));
        restarts.died(3, Version::FIRST, MS(10), now, 0.0);
        assert!(restarts.is_too_much(now));
        assert!(!restarts.is_too_much(now + MS(1001)));
    }
}
