//! The phases of a primary, as a pure state machine: no clock, no syscall, no channel.
//!
//! ```text
//!                Asked                      Overdue, Insisted
//!   Running ────────────────▶ Draining ───────────────────────▶ Killing
//!      │                                                           ▲
//!      └──────────────────────── Insisted ─────────────────────────┘
//! ```
//! A worker that dies is replaced in `Running` and nowhere else.

use std::time::{Duration, Instant};

use graceful_shutdown::{ESCALATION, Slot};

/// Where a primary is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShutdownPhase {
    /// Every slot has a worker, and gets a new one whenever that worker dies.
    Running,
    /// The workers were told to drain.
    Draining {
        /// When a worker that is still there is killed.
        kill_at: Instant,
    },
    /// The primary has killed the workers, and waits until they are reaped.
    Killing,
}

/// What happens to a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShutdownInput {
    /// The first signal: stop within this time.
    Asked(Duration),
    /// Any further signal: stop now.
    Insisted,
    /// The worker of this slot is gone.
    WorkerGone(Slot),
    /// The time that [`ShutdownPhase::Draining`] names has come.
    Overdue,
}

/// What the driver has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShutdownAction {
    /// Fill this slot again.
    Replace(Slot),
    /// Close the listener, and tell every worker to drain within this time.
    Drain(Duration),
    /// Kill every worker.
    Kill(&'static str),
}

impl ShutdownPhase {
    /// The next phase, and what there is to do.
    pub(crate) fn step(self, input: ShutdownInput, now: Instant) -> (Self, Option<ShutdownAction>) {
        match self {
            ShutdownPhase::Running => match input {
                ShutdownInput::Asked(timeout) => {
                    // Workers cut and clean up at their own deadline; the primary comes after that.
                    let kill_at = now + timeout + ESCALATION;
                    (ShutdownPhase::Draining { kill_at }, Some(ShutdownAction::Drain(timeout)))
                }
                ShutdownInput::Insisted => kill("a second signal"),
                ShutdownInput::WorkerGone(slot) => (self, Some(ShutdownAction::Replace(slot))),
                ShutdownInput::Overdue => (self, None),
            },
            ShutdownPhase::Draining { .. } => match input {
                ShutdownInput::Insisted => kill("a second signal"),
                ShutdownInput::Overdue => kill("the drain is overdue"),
                // A worker that ends now has done its work, or died of it: either way its slot stays
                // empty.
                ShutdownInput::Asked(_) | ShutdownInput::WorkerGone(_) => (self, None),
            },
            ShutdownPhase::Killing => match input {
                ShutdownInput::Asked(_)
                | ShutdownInput::Insisted
                | ShutdownInput::WorkerGone(_)
                | ShutdownInput::Overdue => (self, None),
            },
        }
    }

    /// When [`ShutdownInput::Overdue`] is due.
    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            ShutdownPhase::Draining { kill_at } => Some(kill_at),
            ShutdownPhase::Running | ShutdownPhase::Killing => None,
        }
    }

    /// Whether the primary is about to end.
    pub(crate) fn is_stopping(self) -> bool {
        self != ShutdownPhase::Running
    }
}

fn kill(reason: &'static str) -> (ShutdownPhase, Option<ShutdownAction>) {
    (ShutdownPhase::Killing, Some(ShutdownAction::Kill(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(10);

    fn draining(now: Instant) -> ShutdownPhase {
        ShutdownPhase::Running.step(ShutdownInput::Asked(TIMEOUT), now).0
    }

    #[test]
    fn a_worker_that_dies_is_replaced_while_running_and_not_afterwards() {
        let now = Instant::now();
        let gone = ShutdownInput::WorkerGone(Slot(2));
        assert_eq!(
            ShutdownPhase::Running.step(gone, now),
            (ShutdownPhase::Running, Some(ShutdownAction::Replace(Slot(2))))
        );
        assert_eq!(draining(now).step(gone, now), (draining(now), None));
        assert_eq!(ShutdownPhase::Killing.step(gone, now), (ShutdownPhase::Killing, None));
    }

    #[test]
    fn a_graceful_shutdown_drains_and_knows_when_it_is_overdue() {
        let now = Instant::now();
        let (phase, action) = ShutdownPhase::Running.step(ShutdownInput::Asked(TIMEOUT), now);
        assert_eq!(action, Some(ShutdownAction::Drain(TIMEOUT)));
        assert_eq!(phase.deadline(), Some(now + TIMEOUT + ESCALATION));
        let (phase, action) = phase.step(ShutdownInput::Overdue, now + TIMEOUT + ESCALATION);
        assert_eq!(
            (phase, action),
            (ShutdownPhase::Killing, Some(ShutdownAction::Kill("the drain is overdue")))
        );
    }

    #[test]
    fn a_second_signal_kills_once() {
        let now = Instant::now();
        let insist = ShutdownInput::Insisted;
        let (phase, action) = draining(now).step(insist, now);
        assert_eq!(
            (phase, action),
            (ShutdownPhase::Killing, Some(ShutdownAction::Kill("a second signal")))
        );
        assert_eq!(phase.step(insist, now), (ShutdownPhase::Killing, None));
    }
}
