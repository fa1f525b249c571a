//! The life of one worker process, as its primary sees it: a pure state machine.
//!
//! What follows is the whole table. `cargo run -p supervisor --example worker-lifecycle` draws the
//! picture in guide 02 from it.

use std::time::{Duration, Instant};

/// How long after a worker's own deadline the primary waits before it kills the worker. A worker cuts
/// what is left by itself; a worker that doesn't is stopped, or stuck.
pub const ESCALATION: Duration = Duration::from_secs(2);

/// Where a worker is in its life. It only ever moves down this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its process runs, and it accepts no connection yet.
    Starting {
        /// When it has taken too long.
        ready_by: Instant,
    },
    /// It accepts and answers.
    Ready {
        /// Since when.
        since: Instant,
    },
    /// It finishes what it holds.
    Draining {
        /// When it has taken too long.
        gone_by: Instant,
    },
    /// It was sent SIGKILL, and was not reaped yet.
    Killed,
    /// It was reaped. Its slot is free, and the kernel may give its pid to another process.
    Exited,
}

/// What happens to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerInput {
    /// It said that it is ready.
    SaidReady,
    /// It must finish what it holds, within this time.
    Drain(Duration),
    /// Time has passed; perhaps too much of it.
    Tick,
    /// It must end now, for this reason.
    Kill(&'static str),
    /// Its process ended, by whatever death.
    Reaped,
}

/// What the primary has to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerAction {
    /// Tell it to drain.
    Drain,
    /// Send SIGKILL, for this reason.
    Kill(&'static str),
}

impl State {
    /// A worker that was just started, and may take `limit` until it is ready.
    #[must_use]
    pub fn started(now: Instant, limit: Duration) -> Self {
        State::Starting { ready_by: now + limit }
    }

    /// The next state, and what there is to do. Time is an argument: nothing here waits.
    #[must_use]
    pub fn step(self, input: WorkerInput, now: Instant) -> (Self, Option<WorkerAction>) {
        match self {
            State::Starting { ready_by } => match input {
                WorkerInput::SaidReady => (State::Ready { since: now }, None),
                WorkerInput::Drain(limit) => drain(now, limit),
                WorkerInput::Tick if now >= ready_by => kill("it was not ready in time"),
                WorkerInput::Tick => (self, None),
                WorkerInput::Kill(reason) => kill(reason),
                WorkerInput::Reaped => (State::Exited, None),
            },
            State::Ready { .. } => match input {
                WorkerInput::Drain(limit) => drain(now, limit),
                WorkerInput::SaidReady | WorkerInput::Tick => (self, None),
                WorkerInput::Kill(reason) => kill(reason),
                WorkerInput::Reaped => (State::Exited, None),
            },
            State::Draining { gone_by } => match input {
                WorkerInput::Tick if now >= gone_by => kill("its drain is overdue"),
                // `SaidReady`: the message and our order have crossed on the way.
                WorkerInput::SaidReady | WorkerInput::Drain(_) | WorkerInput::Tick => (self, None),
                WorkerInput::Kill(reason) => kill(reason),
                WorkerInput::Reaped => (State::Exited, None),
            },
            State::Killed => match input {
                WorkerInput::SaidReady
                | WorkerInput::Drain(_)
                | WorkerInput::Tick
                | WorkerInput::Kill(_) => (self, None),
                WorkerInput::Reaped => (State::Exited, None),
            },
            State::Exited => match input {
                WorkerInput::SaidReady
                | WorkerInput::Drain(_)
                | WorkerInput::Tick
                | WorkerInput::Kill(_)
                | WorkerInput::Reaped => (self, None),
            },
        }
    }

    /// When [`WorkerInput::Tick`] makes a difference.
    #[must_use]
    pub fn deadline(self) -> Option<Instant> {
        match self {
            State::Starting { ready_by } => Some(ready_by),
            State::Draining { gone_by } => Some(gone_by),
            State::Ready { .. } | State::Killed | State::Exited => None,
        }
    }

    /// Whether it is on its way up.
    #[must_use]
    pub fn is_starting(self) -> bool {
        matches!(self, State::Starting { .. })
    }

    /// Whether it answers, and takes new work.
    #[must_use]
    pub fn is_ready(self) -> bool {
        matches!(self, State::Ready { .. })
    }

    /// Since when it is ready.
    #[must_use]
    pub fn ready_since(self) -> Option<Instant> {
        match self {
            State::Ready { since } => Some(since),
            State::Starting { .. } | State::Draining { .. } | State::Killed | State::Exited => None,
        }
    }

    /// Whether it is starting or ready: neither told to go nor killed.
    #[must_use]
    pub fn is_staying(self) -> bool {
        self.is_starting() || self.is_ready()
    }
}

fn drain(now: Instant, limit: Duration) -> (State, Option<WorkerAction>) {
    (State::Draining { gone_by: now + limit + ESCALATION }, Some(WorkerAction::Drain))
}

fn kill(reason: &'static str) -> (State, Option<WorkerAction>) {
    (State::Killed, Some(WorkerAction::Kill(reason)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_worker_that_is_not_ready_in_time_is_killed_once() {
        let now = Instant::now();
        let starting = State::started(now, LIMIT);
        assert_eq!(starting.step(WorkerInput::Tick, now), (starting, None));
        let (state, action) = starting.step(WorkerInput::Tick, now + LIMIT);
        assert_eq!(
            (state, action),
            (State::Killed, Some(WorkerAction::Kill("it was not ready in time")))
        );
        assert_eq!(state.step(WorkerInput::Tick, now + LIMIT), (State::Killed, None));
    }

    #[test]
    fn a_drain_is_ordered_once_and_overdue_after_the_escalation() {
        let now = Instant::now();
        let (draining, action) = State::Ready { since: now }.step(WorkerInput::Drain(LIMIT), now);
        assert_eq!(action, Some(WorkerAction::Drain));
        assert_eq!(draining.deadline(), Some(now + LIMIT + ESCALATION));
        assert_eq!(draining.step(WorkerInput::Drain(LIMIT), now), (draining, None));
        assert_eq!(draining.step(WorkerInput::SaidReady, now), (draining, None));
        let (state, _) = draining.step(WorkerInput::Tick, now + LIMIT + ESCALATION);
        assert_eq!(state, State::Killed);
    }

    #[test]
    fn whatever_state_it_is_in_a_worker_that_was_reaped_is_gone() {
        let now = Instant::now();
        let by = now + LIMIT;
        let states = [
            State::Starting { ready_by: by },
            State::Ready { since: now },
            State::Draining { gone_by: by },
            State::Killed,
            State::Exited,
        ];
        for state in states {
            assert_eq!(state.step(WorkerInput::Reaped, now), (State::Exited, None));
        }
    }
}
