//! The end: every worker drains, whatever generation it belongs to.
//!
//! Chapter 01 again, with one difference: each worker has a deadline of its own, and a worker of
//! either generation that is late is killed by itself.

use std::{
    future::pending,
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Event, Exit, Outcome, emit};
use tokio::time::sleep_until;

use crate::{
    fleet::Fleet,
    given::{FromWorker, Intents, Notice, Workers},
    lifecycle::{Action, Input},
};

/// Drains every worker within `limit`, and says how that went: 0 when everything was finished, 1
/// when something was cut off.
pub async fn shut_down(
    limit: Duration,
    mut workers: Workers,
    mut fleet: Fleet,
    mut intents: Intents,
) -> ExitCode {
    let began = Instant::now();
    let mut tally = Tally::default();
    emit(&Event::ShutdownStarted { signal: "shutdown".to_owned(), timeout_ms: millis(limit) });
    workers.stop_listening();
    for worker in fleet.all().to_vec() {
        if fleet.step(worker.pid, Input::Drain(limit), began) == Some(Action::Drain) {
            workers.drain(worker.pid).await;
        }
    }
    while !workers.is_empty() {
        let overdue = async {
            match fleet.deadline() {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            notice = workers.next() => tally.add(&mut fleet, notice),
            _ = intents.next() => {
                tally.outcome = Outcome::Forced;
                workers.kill_all("a second signal");
            }
            () = overdue => kill_the_late(&workers, &mut fleet),
        }
    }
    tally.conclude(began.elapsed())
}

fn kill_the_late(workers: &Workers, fleet: &mut Fleet) {
    let now = Instant::now();
    for worker in fleet.all().to_vec() {
        if let Some(Action::Kill(reason)) = fleet.step(worker.pid, Input::Tick, now) {
            workers.kill(worker.slot, worker.pid, reason);
        }
    }
}

/// What became of the work.
struct Tally {
    outcome: Outcome,
    drained: usize,
    cut: usize,
}

impl Default for Tally {
    fn default() -> Self {
        Tally { outcome: Outcome::Drained, drained: 0, cut: 0 }
    }
}

impl Tally {
    fn add(&mut self, fleet: &mut Fleet, notice: Notice) {
        let was_cut = match notice {
            Notice::Said { message: FromWorker::Drained { answered, cut }, .. } => {
                self.drained += answered;
                self.cut += cut;
                cut > 0
            }
            Notice::Said { message: FromWorker::Ready | FromWorker::Draining { .. }, .. } => false,
            // A worker that dies in the middle of its drain takes its work with it.
            Notice::Exited { pid, exit, .. } => {
                fleet.remove(pid);
                exit != Exit::Code(0)
            }
        };
        if was_cut {
            self.outcome = self.outcome.max(Outcome::Cut);
        }
    }

    fn conclude(self, took: Duration) -> ExitCode {
        emit(&Event::ShutdownComplete {
            outcome: self.outcome,
            drained: self.drained,
            cut: self.cut,
            millis: millis(took),
        });
        if self.outcome == Outcome::Drained { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
