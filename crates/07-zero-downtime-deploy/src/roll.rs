//! The slots 1 to `WORKERS`, one at a time, to the version that they must run. Chapter 02 teaches this; here
//! it is given. It has no memory: it looks at the workers that are there.

use events::{Pid, Slot};
use supervisor::{Version, Worker};

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Start a worker in this slot.
    Start(Slot),
    /// Tell this worker to drain.
    Drain(Pid),
}

/// The next move that may be made now. `workers` are those of the slots 1 to `WORKERS`.
pub(crate) fn next_move(
    workers: &[Worker],
    slots: u32,
    version: Version,
    is_available: impl Fn(&Worker) -> bool,
    may_start: impl Fn(Slot) -> bool,
) -> Option<Move> {
    let staying = |slot| {
        workers.iter().filter(move |worker| worker.slot == slot && worker.state.is_staying())
    };
    if let Some(slot) =
        Slot::all(slots).find(|slot| staying(*slot).next().is_none() && may_start(*slot))
    {
        return Some(Move::Start(slot));
    }
    // A start that is not wanted any more.
    let is_unwanted = |worker: &&Worker| worker.version != version && worker.state.is_starting();
    if let Some(worker) = workers.iter().find(is_unwanted) {
        return Some(Move::Drain(worker.pid));
    }
    Slot::all(slots).find_map(|slot| {
        let old = staying(slot).find(|worker| worker.version != version)?;
        match staying(slot).find(|worker| worker.version == version) {
            Some(new) if is_available(new) => Some(Move::Drain(old.pid)),
            // One at a time: nothing starts while a slot has two workers, or none.
            None if workers.len() == slots as usize && may_start(slot) => Some(Move::Start(slot)),
            Some(_) | None => None,
        }
    })
}

/// Whether each slot has one worker, available and of `version`.
pub(crate) fn is_rolled(
    workers: &[Worker],
    slots: u32,
    version: Version,
    is_available: impl Fn(&Worker) -> bool,
) -> bool {
    workers.len() == slots as usize
        && workers.iter().all(|worker| worker.version == version && is_available(worker))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use supervisor::State;

    use super::*;

    struct Slots(Vec<Worker>, u32);

    impl Slots {
        fn new(slots: u32, version: Version) -> Self {
            let mut made = Slots(Vec::new(), 0);
            for slot in Slot::all(slots) {
                made.add(slot, version);
                made.ready();
            }
            made
        }

        fn add(&mut self, slot: Slot, version: Version) {
            let born = Instant::now();
            self.1 += 1;
            let state = State::started(born, Duration::from_secs(5));
            let (replaced_in, was_ready) = (None, false);
            let pid = Pid(self.1);
            self.0.push(Worker { slot, pid, version, born, replaced_in, state, was_ready });
        }

        fn ready(&mut self) {
            for worker in self.0.iter_mut().filter(|worker| worker.state.is_starting()) {
                worker.state = State::Ready { since: worker.born };
            }
        }

        fn next(&self, version: Version) -> Option<Move> {
            next_move(&self.0, 3, version, |worker| worker.state.is_ready(), |_| true)
        }
    }

    #[test]
    fn one_slot_after_the_other_gets_its_successor_first() {
        let (old, new) = (Version::FIRST, Version::FIRST.next_minor());
        let mut slots = Slots::new(3, old);
        for slot in Slot::all(3) {
            assert_eq!(slots.next(new), Some(Move::Start(slot)));
            slots.add(slot, new);
            assert_eq!(slots.next(new), None);
            slots.ready();
            assert_eq!(slots.next(new), Some(Move::Drain(Pid(slot.0))));
            slots.0.retain(|worker| worker.pid != Pid(slot.0));
        }
        assert!(is_rolled(&slots.0, 3, new, |worker| worker.state.is_ready()));
        assert_eq!(slots.next(new), None);
    }

    #[test]
    fn a_start_of_the_version_that_is_given_up_is_called_off() {
        let (old, new) = (Version::FIRST, Version::FIRST.next_minor());
        let mut slots = Slots::new(3, old);
        slots.add(Slot(1), new);
        assert_eq!(slots.next(old), Some(Move::Drain(Pid(4))));
    }
}
