//! What may be done now: who is started, drained or killed, and who has to wait.
//!
//! However sick they look, they are not all taken out at once: a monitor that is wrong about a
//! worker costs a worker, one that is wrong about all of them costs the service. While fewer than a
//! majority can be relied on, the next one goes only when the last one's successor is ready.

use rolling_restart::lifecycle::State;

use crate::{given::Status, verdict::Verdict};

/// What is to be done about a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    None,
    /// A successor; then it drains.
    Drain,
    /// It shall be killed.
    Kill,
}

impl Need {
    /// What follows from `verdict`.
    #[must_use]
    pub fn after(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Healthy | Verdict::Warn(..) => Need::None,
            Verdict::Drain(..) => Need::Drain,
            Verdict::Kill(..) => Need::Kill,
        }
    }
}

/// One worker.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its slot.
    pub slot: u32,
    /// Its process.
    pub pid: u32,
    /// Where it is in its life.
    pub state: State,
    /// What it needs.
    pub need: Need,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Start a worker in this slot.
    Start(u32),
    /// Tell this worker to drain.
    Drain(u32),
    /// Kill this worker.
    Kill(u32),
}

/// The next move that is allowed, or `None`: then there is something to wait for, or nothing to do.
///
/// `slots` are those that shall have a worker: none that was given up. `may_start` says whether a
/// slot may have one now.
pub fn next_move(cases: &[Case], slots: &[u32], may_start: impl Fn(u32) -> bool) -> Option<Move> {
    let in_slot = |slot: u32| cases.iter().filter(move |case| case.slot == slot);
    let is_staying = |slot: u32| in_slot(slot).any(|case| case.state.is_staying());
    let is_filled = |slot: u32| in_slot(slot).any(|case| case.state.is_ready());
    // Somebody was taken out, and nobody has taken over yet.
    let is_short = slots.iter().any(|slot| !is_filled(*slot));
    let kill = cases.iter().find(|case| case.need == Need::Kill && case.state.is_ready());
    if let Some(case) = kill
        && (!is_short || has_majority(cases, slots))
    {
        return Some(Move::Kill(case.pid));
    }
    let empty = slots.iter().find(|slot| !is_staying(**slot) && may_start(**slot));
    if let Some(slot) = empty {
        return Some(Move::Start(*slot));
    }
    let is_reliable = |case: &&Case| case.need == Need::None && case.state.is_ready();
    let drain = |case: &&Case| case.need == Need::Drain && case.state.is_ready();
    // A slot that was given up keeps a sick worker rather than none.
    let mut drains = cases.iter().filter(drain).filter(|case| slots.contains(&case.slot));
    let succeeded = drains.clone().find(|case| in_slot(case.slot).find(is_reliable).is_some());
    if let Some(case) = succeeded {
        return Some(Move::Drain(case.pid));
    }
    // One at a time: not while anybody else is on the way up, or out.
    let is_calm = !is_short && cases.iter().all(|case| case.state.is_ready());
    drains.find(|case| is_calm && may_start(case.slot)).map(|case| Move::Start(case.slot))
}

/// How a cluster is of which so many `slots` are ready: without a majority it is no service.
#[must_use]
pub fn status(ready: usize, slots: usize) -> Status {
    match ready {
        all if all == slots => Status::Healthy,
        most if most * 2 > slots => Status::Degraded,
        _ => Status::Unhealthy,
    }
}

/// Whether more than half of the slots have a worker that can be relied on.
fn has_majority(cases: &[Case], slots: &[u32]) -> bool {
    let is_reliable = |slot: &&u32| {
        cases
            .iter()
            .any(|case| case.slot == **slot && case.state.is_ready() && case.need != Need::Kill)
    };
    slots.iter().filter(is_reliable).count() * 2 > slots.len()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn case(slot: u32, state: State, need: Need) -> Case {
        Case { slot, pid: slot * 10, state, need }
    }

    fn ready(slot: u32, need: Need) -> Case {
        case(slot, State::Ready { since: Instant::now() }, need)
    }

    fn starting(slot: u32) -> Case {
        Case {
            pid: slot * 10 + 1,
            ..case(slot, State::Starting { ready_by: Instant::now() }, Need::None)
        }
    }

    fn next(cases: &[Case]) -> Option<Move> {
        next_move(cases, &[1, 2, 3], |_| true)
    }

    #[test]
    fn a_silent_worker_is_killed_and_its_slot_filled() {
        let mut cases = [ready(1, Need::None), ready(2, Need::Kill), ready(3, Need::None)];
        assert_eq!(next(&cases), Some(Move::Kill(20)));
        cases[1].state = State::Killed;
        assert_eq!(next(&cases), Some(Move::Start(2)));
        assert_eq!(next_move(&cases, &[1, 2, 3], |slot| slot != 2), None);
        assert_eq!(next_move(&cases, &[1, 3], |_| true), None);
    }

    #[test]
    fn when_all_are_silent_they_go_one_at_a_time() {
        let mut cases = vec![ready(1, Need::Kill), ready(2, Need::Kill), ready(3, Need::Kill)];
        assert_eq!(next(&cases), Some(Move::Kill(10)));
        cases[0] = starting(1);
        assert_eq!(next(&cases), None);
        cases[0] = ready(1, Need::None);
        assert_eq!(next(&cases), Some(Move::Kill(20)));
        cases[1] = starting(2);
        assert_eq!(next(&cases), None);
    }

    #[test]
    fn one_that_leaks_drains_when_its_successor_is_ready() {
        let mut cases = vec![ready(1, Need::Drain), ready(2, Need::Drain), ready(3, Need::None)];
        assert_eq!(next(&cases), Some(Move::Start(1)));
        cases.push(starting(1));
        assert_eq!(next(&cases), None);
        cases[3] = Case { pid: 11, ..ready(1, Need::None) };
        assert_eq!(next(&cases), Some(Move::Drain(10)));
        cases[0].state = State::Draining { gone_by: Instant::now() };
        assert_eq!(next(&cases), None);
        cases.remove(0);
        assert_eq!(next(&cases), Some(Move::Start(2)));
    }
}
