//! What may be done now to bring each slot to a version: the rolling restart, without a memory.
//!
//! A controller that remembers "I was at slot 3" is wrong as soon as a worker dies behind its back.
//! This one looks at the workers that are there, each time anything changes, and says which moves
//! are allowed. A crash in the middle of a roll, a roll back, and the first start aren't special
//! cases of it.

use std::time::{Duration, Instant};

use rolling_restart::{Pid, Slot, Version, Worker};
use supervisor::Fleet;

/// How far a roll may deviate from "every slot has one ready worker". Not both may be 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RollLimits {
    /// Processes that may be alive beyond the number of slots.
    pub(crate) max_surge: usize,
    /// Workers that may be missing to the number of slots while the roll takes them out. With a
    /// surge each old worker waits for its successor, and none is missing.
    pub(crate) max_unavailable: usize,
    /// How long a new worker must have been ready until it counts.
    pub(crate) min_ready: Duration,
}

/// What every slot must run in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Goal {
    /// How many slots there are.
    pub(crate) slots: u32,
    /// The version that each must run.
    pub(crate) version: Version,
    /// The version that each ran before.
    pub(crate) from: Version,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Start a worker of this version in this slot.
    Start(Slot, Version),
    /// Tell this worker to drain.
    Drain(Pid),
}

/// The next move that the limits allow, or `None`: then there is something to wait for, or nothing
/// left to do. Make it, and ask again.
///
/// `may_start` says whether a version may be started in a slot: a version that keeps dying has to
/// wait.
pub(crate) fn next_move(
    fleet: &Fleet,
    goal: Goal,
    limits: RollLimits,
    now: Instant,
    may_start: impl Fn(Slot, Version) -> bool,
) -> Option<Move> {
    let slots = goal.slots as usize;
    // Draining workers count as alive: they still hold memory, connections and locks.
    let room = (slots + limits.max_surge).saturating_sub(fleet.all().len());
    let is_available = |worker: &Worker| worker.is_available(limits.min_ready, now);
    let available = fleet.all().iter().filter(|worker| is_available(worker)).count();
    // Strictly more: one of them is the worker that would drain.
    let can_spare_one = available + limits.max_unavailable > slots;
    // An empty slot already costs capacity, so it comes before a slot that could have a newer worker.
    // If it has to wait, its place is kept. While no worker of a version has been ready, a worker of
    // that version doesn't fill a slot.
    let filler = goal.filler(fleet, limits);
    let fills = |worker: &Worker| {
        worker.state.is_staying() && (filler == goal.version || worker.version != goal.version)
    };
    let empty: Vec<Slot> =
        Slot::all(goal.slots).filter(|slot| !fleet.in_slot(*slot).any(fills)).collect();
    let due = empty.iter().copied().find(|slot| may_start(*slot, filler));
    if let Some(slot) = due.filter(|_| room > 0) {
        return Some(Move::Start(slot, filler));
    }
    Slot::all(goal.slots).find_map(|slot| {
        let staying = || fleet.in_slot(slot).filter(|worker| worker.state.is_staying());
        let old = staying().find(|worker| worker.version != goal.version)?;
        let successor = staying().find(|worker| worker.version == goal.version);
        // A worker that isn't ready serves no client, so no client misses it.
        let is_missed = old.state.is_ready() && !can_spare_one;
        match successor {
            Some(successor) if is_available(successor) && !is_missed => Some(Move::Drain(old.pid)),
            None if old.state.is_starting() && old.version != filler => Some(Move::Drain(old.pid)),
            // Empty slots that have to wait keep their room, or the surge would eat it.
            None if room > empty.len() && limits.max_surge > 0 && may_start(slot, goal.version) => {
                Some(Move::Start(slot, goal.version))
            }
            // Without a surge the old one has to go first.
            None if limits.max_surge == 0 && old.state.is_ready() && !is_missed => {
                Some(Move::Drain(old.pid))
            }
            Some(_) | None => None,
        }
    })
}

impl Goal {
    /// The version for a slot that is empty now. A crash isn't a reason to spread a version of which
    /// no worker is ready. Without a surge, though, an empty slot is the only place to try it.
    fn filler(self, fleet: &Fleet, limits: RollLimits) -> Version {
        let works = |worker: &Worker| worker.version == self.version && worker.state.is_ready();
        let is_bold = limits.max_surge == 0 || fleet.all().iter().any(works);
        if is_bold { self.version } else { self.from }
    }
}

/// Whether every slot has exactly one worker, and each worker is available and of the right
/// version.
pub(crate) fn is_reached(fleet: &Fleet, goal: Goal, limits: RollLimits, now: Instant) -> bool {
    let is_right = |worker: &Worker| {
        worker.version == goal.version && worker.is_available(limits.min_ready, now)
    };
    fleet.all().len() == goal.slots as usize && fleet.all().iter().all(is_right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolling_restart::State;
    use supervisor::lifecycle::WorkerInput;

    const SURGE: RollLimits = RollLimits { max_surge: 1, max_unavailable: 0, min_ready: MIN_READY };
    const MIN_READY: Duration = Duration::from_millis(100);

    /// A fleet that is rolled from 1.0.0 to 1.1.0 by nothing but the plan; `max` and `min` are the
    /// most that were alive and the fewest that were ready.
    struct Trial {
        fleet: Fleet,
        goal: Goal,
        limits: RollLimits,
        now: Instant,
        last_pid: Pid,
        max: usize,
        min: usize,
    }

    impl Trial {
        fn new(slots: u32, limits: RollLimits) -> Self {
            let goal = Goal { slots, version: Version::FIRST, from: Version::FIRST };
            let fleet = Fleet::default();
            let now = Instant::now();
            let mut trial = Trial { fleet, goal, limits, now, last_pid: Pid(0), max: 0, min: 99 };
            trial.run();
            (trial.max, trial.min) = (0, 99);
            trial.goal.version = Version::FIRST.next_minor();
            trial
        }

        /// Makes each move at once, and has workers answer one after the other.
        fn run(&mut self) {
            loop {
                self.max = self.max.max(self.fleet.all().len());
                self.min = self.min.min(self.fleet.ready());
                if let Some(next) =
                    next_move(&self.fleet, self.goal, self.limits, self.now, |_, _| true)
                {
                    self.make(next);
                } else if !self.something_happens() {
                    return;
                }
            }
        }

        fn make(&mut self, next: Move) {
            match next {
                Move::Start(slot, version) => {
                    self.last_pid.0 += 1;
                    let state = State::started(self.now, Duration::from_secs(5));
                    let (pid, born) = (self.last_pid, self.now);
                    self.fleet.add(Worker {
                        slot,
                        pid,
                        version,
                        born,
                        state,
                        replaced_in: None,
                        was_ready: state.is_ready(),
                    });
                }
                Move::Drain(pid) => {
                    let _ = self.fleet.step(pid, WorkerInput::Drain(Duration::ZERO), self.now);
                }
            }
        }

        fn has_arrived(&self) -> bool {
            is_reached(&self.fleet, self.goal, self.limits, self.now)
        }

        fn something_happens(&mut self) -> bool {
            let available = self.fleet.all().iter().filter_map(|w| w.available_at(MIN_READY));
            if let Some(later) = available.filter(|at| *at > self.now).min() {
                self.now = later;
                return true;
            }
            let moving = |worker: &&Worker| !worker.state.is_ready();
            let Some(worker) = self.fleet.all().iter().find(moving).copied() else {
                return false;
            };
            if worker.state.is_starting() {
                let _ = self.fleet.step(worker.pid, WorkerInput::SaidReady, self.now);
            } else {
                self.fleet.remove(worker.pid);
            }
            true
        }
    }

    #[test]
    fn with_a_surge_of_one_no_worker_is_missed_and_one_more_is_alive() {
        let mut trial = Trial::new(4, SURGE);
        trial.run();
        assert!(trial.has_arrived());
        assert_eq!((trial.min, trial.max), (4, 5));
    }

    #[test]
    fn a_new_worker_counts_only_after_it_has_been_ready_for_a_while() {
        let mut trial = Trial::new(2, SURGE);
        let start = next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true);
        trial.make(start.expect("a surge is allowed"));
        let _ = trial.fleet.step(trial.last_pid, WorkerInput::SaidReady, trial.now);
        let at = |now| next_move(&trial.fleet, trial.goal, SURGE, now, |_, _| true);
        assert_eq!(at(trial.now), None);
        assert_eq!(at(trial.now + MIN_READY), Some(Move::Drain(Pid(1))));
    }

    #[test]
    fn without_a_surge_one_is_missed_and_no_more_are_alive() {
        let limits = RollLimits { max_surge: 0, max_unavailable: 1, ..SURGE };
        let mut trial = Trial::new(4, limits);
        trial.run();
        assert!(trial.has_arrived());
        assert_eq!((trial.min, trial.max), (3, 4));
    }

    #[test]
    fn a_death_in_the_middle_is_replaced_by_what_is_seen_to_work() {
        let mut trial = Trial::new(3, SURGE);
        let start = next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true);
        trial.make(start.expect("a surge is allowed"));
        trial.fleet.remove(Pid(3));
        let filler =
            |trial: &Trial| next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true);
        let (slot, next) = (Slot(3), Version::FIRST.next_minor());
        assert_eq!(filler(&trial), Some(Move::Start(slot, Version::FIRST)));
        let _ = trial.fleet.step(trial.last_pid, WorkerInput::SaidReady, trial.now);
        assert_eq!(filler(&trial), Some(Move::Start(slot, next)));
        trial.run();
        assert!(trial.has_arrived());
        assert_eq!(trial.max, 4);
    }

    #[test]
    fn the_place_of_a_slot_that_has_to_wait_is_kept() {
        let mut trial = Trial::new(3, SURGE);
        let start = next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true);
        trial.make(start.expect("a surge is allowed"));
        trial.fleet.remove(Pid(3));
        let at =
            |fleet: &Fleet, may: bool| next_move(fleet, trial.goal, SURGE, trial.now, |_, _| may);
        assert_eq!(at(&trial.fleet, false), None);
        let filler = Move::Start(Slot(3), Version::FIRST);
        assert_eq!(at(&trial.fleet, true), Some(filler));
        let but_three = |slot, _| slot != Slot(3);
        assert_eq!(next_move(&trial.fleet, trial.goal, SURGE, trial.now, but_three), None);
    }

    #[test]
    fn the_way_back_is_the_same_way() {
        let mut trial = Trial::new(3, SURGE);
        let start = next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true).unwrap();
        trial.make(start);
        trial.goal.version = Version::FIRST;
        let back = next_move(&trial.fleet, trial.goal, SURGE, trial.now, |_, _| true);
        assert_eq!(back, Some(Move::Drain(trial.last_pid)));
        trial.run();
        assert!(trial.has_arrived());
        assert_eq!(trial.min, 3);
    }
}
