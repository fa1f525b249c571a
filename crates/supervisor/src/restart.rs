//! When a worker that died is replaced: at once, later, or not at all.
//!
//! One crash is an accident, and every millisecond without its worker counts. Consecutive crashes
//! are a bug that a restart does not fix. Each restart costs CPU time and lines in the log, and may
//! hurt the services that the worker connects to.

mod record;

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use events::{Slot, WorkerEvent, emit, millis};

pub use self::record::RestartRecord;
use crate::{fleet::Worker, settings::Settings, version::Version};

/// How long a slot stays empty after a death: not at all after the first death of a streak, then for
/// `first`, and twice as long each time, up to `most`. A worker that is ready for longer than `most`
/// ends the streak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The delay after the second death.
    pub first: Duration,
    /// The longest delay.
    pub most: Duration,
}

impl Backoff {
    /// The delay after a streak of `deaths`. `random`, from 0 to 1, takes up to half of it away, so
    /// that workers which died together don't come back together.
    #[must_use]
    pub fn delay(self, deaths: u32, random: f64) -> Duration {
        if deaths < 2 {
            return Duration::ZERO;
        }
        let doublings = (deaths - 2).min(20);
        self.first.saturating_mul(1 << doublings).min(self.most).mul_f64(1.0 - random / 2.0)
    }

    fn ends_the_streak(self, served: Duration) -> bool {
        served > self.most
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

/// The deaths of a cluster's workers.
#[derive(Clone, Debug)]
pub struct RestartHistory {
    backoff: Backoff,
    intensity: Option<Intensity>,
    streaks: BTreeMap<(Slot, Version), Streak>,
    recent: VecDeque<Instant>,
}

/// Consecutive crashes of one version in one slot, and when that slot may have its next worker of that
/// version. Another version starts with a clean slate.
#[derive(Clone, Copy, Debug)]
struct Streak {
    deaths: u32,
    not_before: Instant,
    /// When the last of these workers was started.
    born: Instant,
}

impl RestartHistory {
    /// No worker has died yet.
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        let (streaks, recent) = (BTreeMap::new(), VecDeque::new());
        RestartHistory { backoff, intensity: None, streaks, recent }
    }

    /// The same, with `RESTART_DELAY_MS` and `RESTART_DELAY_MAX_MS`.
    #[must_use]
    pub fn with_settings(settings: &Settings) -> Self {
        let (first, most) = (settings.restart_delay, settings.restart_delay_max);
        RestartHistory::new(Backoff { first, most })
    }

    /// More deaths than `intensity` allows, of all slots together, are too much.
    #[must_use]
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = Some(intensity);
        self
    }

    /// `worker` died, or has to be replaced. Its slot may have the next worker at once if this is the
    /// first death of a streak, and otherwise after a delay, which is reported. A worker counts once,
    /// even if it is found sick, and dies after its successor. Returns the length of the streak.
    pub fn count(&mut self, worker: &Worker) -> u32 {
        let counted = self.streaks.get(&(worker.slot, worker.version));
        if let Some(streak) = counted.filter(|streak| streak.born >= worker.born) {
            return streak.deaths;
        }
        let (streak, delay) = self.add(worker, Instant::now(), fastrand::f64());
        if !delay.is_zero() {
            let (slot, millis) = (worker.slot, millis(delay));
            emit(WorkerEvent::RestartDelayed { slot, streak, millis });
        }
        streak
    }

    fn add(&mut self, worker: &Worker, now: Instant, random: f64) -> (u32, Duration) {
        if let Some(Intensity { within, .. }) = self.intensity {
            self.recent.push_back(now);
            self.recent.retain(|at| now.duration_since(*at) <= within);
        }
        let before = self.streaks.get(&(worker.slot, worker.version));
        let is_over = self.backoff.ends_the_streak(worker.served(now));
        let deaths = before.filter(|_| !is_over).map_or(0, |streak| streak.deaths) + 1;
        let delay = self.backoff.delay(deaths, random);
        let streak = Streak { deaths, not_before: now + delay, born: worker.born };
        self.streaks.insert((worker.slot, worker.version), streak);
        (deaths, delay)
    }

    /// Whether `slot` may have a new worker, where versions mean nothing.
    #[must_use]
    pub fn may_start(&self, slot: Slot, now: Instant) -> bool {
        self.may_start_version(slot, Version::FIRST, now)
    }

    /// Whether `slot` may have a new worker with `version`.
    #[must_use]
    pub fn may_start_version(&self, slot: Slot, version: Version, now: Instant) -> bool {
        self.streaks.get(&(slot, version)).is_none_or(|streak| now >= streak.not_before)
    }

    /// When the next slot may have a worker that it may not have yet.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.streaks.values().map(|streak| streak.not_before).filter(|at| *at > now).min()
    }

    /// Whether more workers died lately than is normal. OTP's supervisor then ends its children and
    /// itself, and leaves the rest to its own supervisor.
    #[must_use]
    pub fn is_too_much(&self, now: Instant) -> bool {
        let Some(Intensity { restarts, within }) = self.intensity else { return false };
        let is_recent = |at: &&Instant| now.duration_since(**at) <= within;
        self.recent.iter().filter(is_recent).count() > restarts
    }
}

#[cfg(test)]
mod tests {
    use events::Pid;

    use super::*;
    use crate::lifecycle::State;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn backoff() -> Backoff {
        Backoff { first: MS(200), most: MS(10_000) }
    }

    #[test]
    fn the_first_death_costs_no_time_and_then_the_delay_doubles_up_to_a_limit() {
        let delays: Vec<_> = (1..=9).map(|deaths| backoff().delay(deaths, 0.0)).collect();
        let wanted = [0, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map(MS);
        assert_eq!(delays, wanted);
        assert_eq!(backoff().delay(u32::MAX, 0.0), MS(10_000));
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

    /// A worker that was started at `since`, and ready at once.
    fn worker(slot: Slot, since: Instant) -> Worker {
        let (state, pid) = (State::Ready { since }, Pid(1));
        Worker {
            slot,
            pid,
            version: Version::FIRST,
            born: since,
            replaced_in: None,
            state,
            was_ready: true,
        }
    }

    #[test]
    fn a_worker_that_served_long_enough_ends_the_streak() {
        let start = Instant::now();
        let mut history = RestartHistory::new(backoff());
        let mut died = |served| history.add(&worker(Slot(1), start), start + served, 0.0);
        assert_eq!(died(MS(10)), (1, Duration::ZERO));
        assert_eq!(died(MS(10)), (2, MS(200)));
        assert_eq!(died(MS(10_001)), (1, Duration::ZERO));
    }

    #[test]
    fn a_delay_holds_for_one_version_in_one_slot() {
        let now = Instant::now();
        let mut history = RestartHistory::new(backoff());
        for _ in 1..=2 {
            history.add(&worker(Slot(1), now), now, 0.0);
        }
        let next = Version::FIRST.next_minor();
        assert!(!history.may_start(Slot(1), now));
        assert!(history.may_start(Slot(2), now) && history.may_start_version(Slot(1), next, now));
        assert_eq!(history.deadline(now), Some(now + MS(200)));
        assert!(history.may_start(Slot(1), now + MS(200)));
    }

    #[test]
    fn another_program_of_the_primary_knows_the_same_streaks_and_delays() {
        let now = Instant::now() + Duration::from_mins(1);
        let mut history = RestartHistory::new(backoff());
        for _ in 1..=2 {
            history.add(&worker(Slot(1), now), now, 0.0);
        }
        let record =
            serde_json::to_string(&history.record(now + MS(50))).expect("it can be written");
        let record = serde_json::from_str(&record).expect("it can be read");
        let mut resumed = RestartHistory::new(backoff()).resumed(&record, now + MS(50));
        assert!(!resumed.may_start(Slot(1), now + MS(199)));
        assert!(resumed.may_start(Slot(1), now + MS(200)));
        assert_eq!(resumed.add(&worker(Slot(1), now + MS(200)), now + MS(200), 0.0).0, 3);
    }

    #[test]
    fn a_worker_that_is_found_sick_and_then_dies_counts_once() {
        let sick = worker(Slot(1), Instant::now());
        let mut history = RestartHistory::new(backoff());
        assert_eq!((history.count(&sick), history.count(&sick)), (1, 1));
    }

    #[test]
    fn more_restarts_than_the_intensity_allows_are_too_much_until_they_are_long_ago() {
        let now = Instant::now();
        let intensity = Intensity { restarts: 2, within: MS(1000) };
        let mut history = RestartHistory::new(backoff()).intensity(intensity);
        for slot in Slot::all(2) {
            history.add(&worker(slot, now), now, 0.0);
        }
        assert!(!history.is_too_much(now));
        history.add(&worker(Slot(3), now), now, 0.0);
        assert!(history.is_too_much(now));
        assert!(!history.is_too_much(now + MS(1001)));
    }
}
