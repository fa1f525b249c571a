//! The phases of a primary, as a pure state machine: no clock, no syscall, no channel.
//!
//! ```text
//!              Asked(Graceful)                  Overdue, Asked(Now)
//!   Running ────────────────────▶ Draining ────────────────────────▶ Killing
//!      │                                                                ▲
//!      └─────────────────────────── Asked(Now) ─────────────────────────┘
//! ```
//! A worker that dies is replaced in `Running` and nowhere else.

use std::time::{Duration, Instant};

use crate::intent::Shutdown;

/// How long after the workers' own deadline the primary waits before it kills them. They cut off
/// and clean up by themselves; this is for one that is stopped, or stuck.
pub const ESCALATION: Duration = Duration::from_secs(2);

/// Where a primary is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Every slot is filled, and filled again.
    Running,
    /// The workers were told to drain.
    Draining {
        /// When a worker that is still there is killed.
        kill_at: Instant,
    },
    /// The workers were killed; nothing is left but to reap them.
    Killing,
}

/// What happens to a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants it to stop.
    Asked(Shutdown),
    /// The worker of this slot is gone.
    WorkerGone(u32),
    /// The time that [`Phase::Draining`] names has come.
    Overdue,
}

/// What the driver has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fill this slot again.
    Replace(u32),
    /// Close the listener, and tell every worker to drain within this time.
    Drain(Duration),
    /// Kill every worker.
    Kill(&'static str),
}

impl Phase {
    /// The next phase, and what there is to do.
    #[must_use]
    pub fn step(self, input: Input, now: Instant) -> (Self, Option<Action>) {
        match self {
            Phase::Running => match input {
                Input::Asked(Shutdown::Graceful(timeout)) => {
                    let kill_at = now + timeout + ESCALATION;
                    (Phase::Draining { kill_at }, Some(Action::Drain(timeout)))
                }
                Input::Asked(Shutdown::Now) => kill("a second signal"),
                Input::WorkerGone(slot) => (self, Some(Action::Replace(slot))),
                Input::Overdue => (self, None),
            },
            Phase::Draining { .. } => match input {
                Input::Asked(Shutdown::Now) => kill("a second signal"),
                Input::Overdue => kill("the drain is overdue"),
                Input::Asked(Shutdown::Graceful(_)) | Input::WorkerGone(_) => (self, None),
            },
            Phase::Killing => match input {
                Input::Asked(_) | Input::WorkerGone(_) | Input::Overdue => (self, None),
            },
        }
    }

    /// When [`Input::Overdue`] is due.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            Phase::Draining { kill_at } => Some(kill_at),
            Phase::Running | Phase::Killing => None,
        }
    }

    /// Whether it is on its way out.
    #[must_use]
    pub fn is_stopping(self) -> bool {
        self != Phase::Running
    }
}

fn kill(reason: &'static str) -> (Phase, Option<Action>) {
    (Phase::Killing, Some(Action::Kill(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn draining(now: Instant) -> Phase {
        Phase::Running.step(Input::Asked(Shutdown::Graceful(TIMEOUT)), now).0
    }

    #[test]
    fn a_worker_that_dies_is_replaced_while_running_and_not_afterwards() {
        let now = Instant::now();
        let gone = Input::WorkerGone(2);
        assert_eq!(Phase::Running.step(gone, now), (Phase::Running, Some(Action::Replace(2))));
        assert_eq!(draining(now).step(gone, now), (draining(now), None));
        assert_eq!(Phase::Killing.step(gone, now), (Phase::Killing, None));
    }

    #[test]
    fn a_graceful_shutdown_drains_and_knows_when_it_is_overdue() {
        let now = Instant::now();
        let (phase, action) = Phase::Running.step(Input::Asked(Shutdown::Graceful(TIMEOUT)), now);
        assert_eq!(action, Some(Action::Drain(TIMEOUT)));
        assert_eq!(phase.deadline(), Some(now + TIMEOUT + ESCALATION));
        let (phase, action) = phase.step(Input::Overdue, now + TIMEOUT + ESCALATION);
        assert_eq!((phase, action), (Phase::Killing, Some(Action::Kill("the drain is overdue"))));
    }

    #[test]
    fn a_second_signal_kills_once() {
        let now = Instant::now();
        let insist = Input::Asked(Shutdown::Now);
        let (phase, action) = draining(now).step(insist, now);
        assert_eq!((phase, action), (Phase::Killing, Some(Action::Kill("a second signal"))));
        assert_eq!(phase.step(insist, now), (Phase::Killing, None));
    }
}
