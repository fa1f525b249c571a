//! The end: every worker drains, whatever generation it belongs to.
//!
//! Chapter 01 again, with one difference: each worker has a deadline of its own, and a worker of
//! either generation that is late is killed by itself.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Event, Exit, Outcome, emit, millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    given::{Intent, Intents, at},
    workers::{Notice, Workers},
};

/// Drains every worker within `limit`, and says how that went: 0 when everything was finished, 1
/// when something was cut off.
pub async fn shut_down<Order, Report>(
    limit: Duration,
    mut workers: Workers<Order, Report>,
    mut intents: Intents,
) -> ExitCode
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    let began = Instant::now();
    let mut tally = Tally { outcome: Outcome::Drained, drained: 0, cut: 0 };
    let signal = intents.last_name().to_owned();
    emit(&Event::ShutdownStarted { signal, timeout_ms: millis(limit) });
    workers.stop_listening();
    for worker in workers.all().to_vec() {
        workers.drain(worker.pid).await;
    }
    while !workers.all().is_empty() {
        let deadline = workers.deadline(Instant::now());
        tokio::select! {
            notice = workers.next() => tally.add(&notice),
            intent = intents.next() => if intent == Intent::ShutdownNow {
                tally.outcome = Outcome::Forced;
                workers.kill_all("a second signal");
            },
            () = at(deadline) => workers.end_the_late(Instant::now()),
        }
    }
    tally.conclude(began.elapsed())
}

/// What became of the work.
struct Tally {
    outcome: Outcome,
    drained: usize,
    cut: usize,
}

impl Tally {
    fn add<Report>(&mut self, notice: &Notice<Report>) {
        let was_cut = match notice {
            Notice::Ready(_) | Notice::Draining(_) | Notice::Report(..) => false,
            Notice::Drained { answered, cut, .. } => {
                self.drained += answered;
                self.cut += cut;
                *cut > 0
            }
            // A worker that dies in the middle of its drain takes its work with it.
            Notice::Exited(_, exit) => *exit != Exit::Code(0),
        };
        if was_cut {
            self.outcome = self.outcome.max(Outcome::Cut);
        }
    }

    fn conclude(self, took: Duration) -> ExitCode {
        let Tally { outcome, drained, cut } = self;
        emit(&Event::ShutdownComplete { outcome, drained, cut, millis: millis(took) });
        if outcome == Outcome::Drained { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
