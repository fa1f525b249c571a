//! The replacement plan: which worker may be started, drained or killed now, and which must wait.
//!
//! However sick the workers look, they are not all taken out at once: a monitor that is wrong about
//! one worker costs a worker, a monitor that is wrong about all of them costs the service. While
//! fewer than a majority can be relied on, the next worker goes only when the last one's successor
//! is ready.

use health_monitoring::{Move, Pid, Slot, State, Status, Verdict, Worker};

/// What must be done about a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    None,
    /// It needs a successor; then it drains.
    Drain,
    /// It must be killed.
    Kill,
}

impl Need {
    /// What follows from `verdict`.
    pub(crate) fn after(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Healthy | Verdict::Warn(..) => Need::None,
            Verdict::Drain(..) => Need::Drain,
            Verdict::Kill(..) => Need::Kill,
        }
    }
}

/// A worker, as far as the plan looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    pub(crate) slot: Slot,
    pub(crate) pid: Pid,
    pub(crate) state: State,
    pub(crate) need: Need,
}

impl Candidate {
    /// `worker`, which needs `need`.
    pub(crate) fn new(worker: &Worker, need: Need) -> Self {
        Candidate { slot: worker.slot, pid: worker.pid, state: worker.state, need }
    }
}

/// The next move that is allowed, or `None`: then there is something to wait for, or nothing to do.
///
/// `slots` must have a worker. A slot that was given up isn't among them, except for one start each
/// `RETRY_AFTER_MS`. `may_start` says whether a slot may have its next worker now.
pub(crate) fn next_move(
    workers: &[Candidate],
    slots: &[Slot],
    may_start: impl Fn(Slot) -> bool,
) -> Option<Move> {
    let in_slot = |slot: Slot| workers.iter().filter(move |worker| worker.slot == slot);
    let is_staying = |slot: Slot| in_slot(slot).any(|worker| worker.state.is_staying());
    let is_filled = |slot: Slot| in_slot(slot).any(|worker| worker.state.is_ready());
    // A worker was taken out, and its successor has not taken over yet.
    let is_short = slots.iter().any(|slot| !is_filled(*slot));
    let kill = workers.iter().find(|worker| worker.need == Need::Kill && worker.state.is_ready());
    if let Some(worker) = kill
        && (!is_short || has_majority(workers, slots))
    {
        return Some(Move::Kill(worker.pid));
    }
    // An empty slot before a sick worker: the sick one still serves.
    let empty = slots.iter().find(|slot| !is_staying(**slot) && may_start(**slot));
    if let Some(slot) = empty {
        return Some(Move::Start(*slot));
    }
    let is_reliable = |worker: &&Candidate| worker.need == Need::None && worker.state.is_ready();
    let drain = |worker: &&Candidate| worker.need == Need::Drain && worker.state.is_ready();
    // A slot that was given up keeps a sick worker, which is better than an empty slot.
    let mut drains = workers.iter().filter(drain).filter(|worker| slots.contains(&worker.slot));
    let succeeded = drains.clone().find(|worker| in_slot(worker.slot).find(is_reliable).is_some());
    if let Some(worker) = succeeded {
        // Its successor serves already, so no request is lost to this drain.
        return Some(Move::Drain(worker.pid));
    }
    // One at a time: not while any other worker is starting or draining.
    let is_calm = !is_short && workers.iter().all(|worker| worker.state.is_ready());
    drains.find(|worker| is_calm && may_start(worker.slot)).map(|worker| Move::Start(worker.slot))
}

/// The cluster's status, given how many of its slots are ready: without a majority it isn't a
/// service.
pub(crate) fn status(ready: usize, slots: usize) -> Status {
    match ready {
        all if all == slots => Status::Healthy,
        most if most * 2 > slots => Status::Degraded,
        _ => Status::Unhealthy,
    }
}

/// Whether more than half of the slots have a ready worker that isn't silent.
fn has_majority(workers: &[Candidate], slots: &[Slot]) -> bool {
    let is_heard = |slot: &&Slot| {
        workers.iter().any(|worker| {
            worker.slot == **slot && worker.state.is_ready() && worker.need != Need::Kill
        })
    };
    slots.iter().filter(is_heard).count() * 2 > slots.len()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const SLOTS: [Slot; 3] = [Slot(1), Slot(2), Slot(3)];

    /// The worker in slot 2 has pid 20.
    fn worker(slot: u32, state: State, need: Need) -> Candidate {
        Candidate { slot: Slot(slot), pid: Pid(slot * 10), state, need }
    }

    fn ready(slot: u32, need: Need) -> Candidate {
        worker(slot, State::Ready { since: Instant::now() }, need)
    }

    /// A successor; in slot 2 it has pid 21.
    fn starting(slot: u32) -> Candidate {
        let state = State::Starting { ready_by: Instant::now() };
        Candidate { pid: Pid(slot * 10 + 1), ..worker(slot, state, Need::None) }
    }

    fn next(workers: &[Candidate]) -> Option<Move> {
        next_move(workers, &SLOTS, |_| true)
    }

    #[test]
    fn a_silent_worker_is_killed_and_its_slot_filled() {
        let mut workers = [ready(1, Need::None), ready(2, Need::Kill), ready(3, Need::None)];
        assert_eq!(next(&workers), Some(Move::Kill(Pid(20))));
        workers[1].state = State::Killed;
        assert_eq!(next(&workers), Some(Move::Start(Slot(2))));
        assert_eq!(next_move(&workers, &SLOTS, |slot| slot != Slot(2)), None);
        assert_eq!(next_move(&workers, &[Slot(1), Slot(3)], |_| true), None);
    }

    #[test]
    fn when_all_are_silent_they_go_one_at_a_time() {
        let mut workers = vec![ready(1, Need::Kill), ready(2, Need::Kill), ready(3, Need::Kill)];
        assert_eq!(next(&workers), Some(Move::Kill(Pid(10))));
        workers[0] = starting(1);
        assert_eq!(next(&workers), None);
        workers[0] = ready(1, Need::None);
        assert_eq!(next(&workers), Some(Move::Kill(Pid(20))));
        workers[1] = starting(2);
        assert_eq!(next(&workers), None);
    }

    #[test]
    fn a_worker_that_leaks_drains_when_its_successor_is_ready() {
        let mut workers = vec![ready(1, Need::Drain), ready(2, Need::Drain), ready(3, Need::None)];
        assert_eq!(next(&workers), Some(Move::Start(Slot(1))));
        workers.push(starting(1));
        assert_eq!(next(&workers), None);
        workers[3] = Candidate { pid: Pid(11), ..ready(1, Need::None) };
        assert_eq!(next(&workers), Some(Move::Drain(Pid(10))));
        workers[0].state = State::Draining { gone_by: Instant::now() };
        assert_eq!(next(&workers), None);
        workers.remove(0);
        assert_eq!(next(&workers), Some(Move::Start(Slot(2))));
    }
}
