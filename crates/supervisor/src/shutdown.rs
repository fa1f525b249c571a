//! The end: every worker drains, whatever its version, and the primary says how that went.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Exit, Outcome, ShutdownEvent, emit, millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    intents::{Intent, Intents},
    lifecycle::ESCALATION,
    timers::at,
    workers::{Notice, Workers},
};

/// Drains every worker within `DRAIN_TIMEOUT_MS`, and says how that went: 0 when everything was
/// finished, 1 when something was cut off.
///
/// Each worker has a deadline of its own; the primary kills a worker that is overdue, and no other.
pub async fn shut_down<Order, Report>(workers: Workers<Order, Report>, intents: Intents) -> ExitCode
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    shut_down_with(workers, intents, |_, _| {}).await
}

/// The same for a primary that its workers need while they drain: `meanwhile` gets each notice.
pub async fn shut_down_with<Order, Report>(
    mut workers: Workers<Order, Report>,
    mut intents: Intents,
    mut meanwhile: impl FnMut(&mut Workers<Order, Report>, Notice<Report>),
) -> ExitCode
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    let limit = workers.settings().drain_timeout;
    let mut tally = Tally::begin(intents.last_name(), limit);
    // A new client is refused once the last copy of the socket is closed, and this one is ours.
    workers.stop_listening();
    workers.drain_all(limit);
    let mut leave_at = None;
    while !workers.is_empty() {
        let deadline = workers.deadline(Instant::now());
        tokio::select! {
            notice = workers.next() => {
                tally.add(&notice);
                meanwhile(&mut workers, notice);
            }
            intent = intents.next() => if intent == Intent::ShutdownNow && leave_at.is_none() {
                tally.force();
                workers.kill_all("a second signal");
                leave_at = Some(Instant::now() + ESCALATION);
            },
            // A process that waits for its disk dies of SIGKILL only when the disk has answered.
            () = at(leave_at) => break,
            () = at(deadline) => workers.kill_overdue(Instant::now()),
        }
    }
    tally.conclude()
}

/// What became of the work.
pub struct Tally {
    began: Instant,
    outcome: Outcome,
    drained: usize,
    cut: usize,
}

impl Tally {
    /// A shutdown begins: `signal` asked for it, and it may take `limit`.
    #[must_use]
    pub fn begin(signal: &str, limit: Duration) -> Self {
        emit(ShutdownEvent::Started { signal: signal.to_owned(), timeout_ms: millis(limit) });
        Tally { began: Instant::now(), outcome: Outcome::Drained, drained: 0, cut: 0 }
    }

    /// Counts what a worker says of its drain, and what its end says.
    pub fn add<Report>(&mut self, notice: &Notice<Report>) {
        let was_cut = match notice {
            Notice::Ready(_) | Notice::Draining(_) | Notice::Report(..) => false,
            Notice::Drained { answered, cut, .. } => {
                self.drained += answered;
                self.cut += cut;
                *cut > 0
            }
            // A worker that dies in the middle of its drain takes its work with it.
            Notice::Exited(worker, exit) => worker.was_ready && *exit != Exit::Code(0),
        };
        if was_cut {
            self.outcome = self.outcome.max(Outcome::Cut);
        }
    }

    /// The workers are killed before they are done.
    pub fn force(&mut self) {
        self.outcome = Outcome::Forced;
    }

    /// Reports the end, and returns the exit code: 0 when everything was finished.
    #[must_use]
    pub fn conclude(self) -> ExitCode {
        let Tally { began, outcome, drained, cut } = self;
        emit(ShutdownEvent::Complete { outcome, drained, cut, millis: millis(began.elapsed()) });
        if outcome == Outcome::Drained { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
