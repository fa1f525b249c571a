//! A worker: it starts what the primary hands it, one task at a time, and goes on hearing its primary
//! meanwhile.

use std::{
    collections::VecDeque,
    ops::ControlFlow::{self, Break, Continue},
    process::ExitCode,
    time::Instant,
};

use cluster_basics::{
    StartError,
    channel::{ReceiveError, Sender},
    worker::die_with_primary,
};
use futures_util::FutureExt;
use serde_json::Value;
use supervisor::{FromWorker, at, messages::ToWorker};
use tokio::task::{JoinHandle, unconstrained};

use crate::{
    Config, Id, Work,
    compute::{compute, crash_together},
    journal::Journal,
    talk::{Order, Report},
};

/// What the primary handed down.
type Inherited = cluster_basics::Worker<FromWorker<Report>, ToWorker<Order>>;

/// What came from the primary.
type Heard = Result<ToWorker<Order>, ReceiveError>;

/// The task that runs.
struct Running {
    id: Id,
    attempt: u32,
    result: JoinHandle<Value>,
}

struct Worker {
    config: Config,
    sender: Sender<FromWorker<Report>>,
    journal: Journal,
    /// What was handed over and not started.
    held: VecDeque<(Id, u32, Work)>,
    running: Option<Running>,
    /// Tasks that have ended since the drain began.
    answered: usize,
    /// Once the drain has begun: when this process must end.
    gone_by: Option<Instant>,
}

/// Runs as the worker that `place` describes, from its start to its end.
pub(crate) async fn work(place: Inherited, config: Config) -> Result<ExitCode, StartError> {
    die_with_primary()?;
    let Inherited { listener, sender, mut receiver, .. } = place;
    // Clients talk to the primary.
    drop(listener);
    let journal = Journal::open(config.journal.as_deref())?;
    let (held, running) = (VecDeque::new(), None);
    let mut worker = Worker { config, sender, journal, held, running, answered: 0, gone_by: None };
    worker.say(FromWorker::Ready).await;
    loop {
        // All orders that are there come before the next start. After a while in which this process was
        // frozen, the task that it may start and the word that it was called off are there together.
        while let Some(order) = unconstrained(receiver.recv()).now_or_never() {
            if let Break(code) = worker.obey(order).await {
                return Ok(code);
            }
        }
        worker.start_next().await;
        if worker.gone_by.is_some() && worker.running.is_none() {
            return Ok(worker.leave(0).await);
        }
        tokio::select! {
            order = receiver.recv() => if let Break(code) = worker.obey(order).await {
                return Ok(code);
            },
            result = ended(&mut worker.running) => worker.finish(result).await,
            () = at(worker.gone_by) => return Ok(worker.leave(1).await),
        }
    }
}

/// Waits for the end of the task that runs.
async fn ended(running: &mut Option<Running>) -> Value {
    match running {
        Some(running) => crash_together((&mut running.result).await),
        None => std::future::pending().await,
    }
}

impl Worker {
    /// If the primary is gone, the receiver says so.
    async fn say(&self, message: FromWorker<Report>) {
        let _ = self.sender.send(&message).await;
    }

    /// Does what the primary says. Returns the exit code, if this process must end at once.
    async fn obey(&mut self, order: Heard) -> ControlFlow<ExitCode> {
        match order {
            Ok(ToWorker::Order(Order::Run { id, attempt, work })) => {
                self.held.push_back((id, attempt, work));
            }
            Ok(ToWorker::Order(Order::Forget(id))) => {
                self.held.retain(|(held, ..)| *held != id);
                if self.running.as_ref().is_some_and(|running| running.id == id) {
                    return Break(ExitCode::FAILURE);
                }
                self.say(FromWorker::Report(Report::Forgotten)).await;
            }
            Ok(ToWorker::Drain { timeout, .. }) => {
                self.gone_by = Some(Instant::now() + timeout);
                self.drain().await;
            }
            Err(_) => return Break(ExitCode::FAILURE),
        }
        Continue(())
    }

    /// Starts the next task if none runs. The primary is told before the task can do any harm.
    async fn start_next(&mut self) {
        if self.running.is_some() {
            return;
        }
        let Some((id, attempt, work)) = self.held.pop_front() else { return };
        self.say(FromWorker::Report(Report::Started(id))).await;
        self.journal.note(id, attempt, "started");
        let result = tokio::spawn(compute(work, self.config.hold_dir.clone()));
        self.running = Some(Running { id, attempt, result });
    }

    async fn finish(&mut self, result: Value) {
        let Some(Running { id, attempt, .. }) = self.running.take() else { return };
        self.journal.note(id, attempt, "finished");
        self.answered += 1;
        self.say(FromWorker::Report(Report::Finished(id, result))).await;
    }

    /// What was not started stays in the spool.
    async fn drain(&mut self) {
        self.held.clear();
        self.answered = 0;
        let in_flight = usize::from(self.running.is_some());
        self.say(FromWorker::Draining { in_flight }).await;
    }

    async fn leave(&self, cut: usize) -> ExitCode {
        self.say(FromWorker::Drained { answered: self.answered, cut }).await;
        ExitCode::SUCCESS
    }
}
