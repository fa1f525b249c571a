//! What becomes of the workers: each message and each end is tracked, reported as an event, and
//! handed to the chapter.

use std::time::{Duration, Instant};

use cluster_basics::channel::ReceiveError;
use events::{Exit, Pid, WorkerEvent, WorkerId, emit, millis, timeline::clip};
use serde::{Serialize, de::DeserializeOwned};

use super::Workers;
use crate::{fleet::Worker, lifecycle::WorkerInput, messages::FromWorker, timers::at};

/// The longest text of a worker that goes into an event, in characters.
const LONGEST_TEXT: usize = 100;

/// What became of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<Report> {
    /// It is ready.
    Ready(Worker),
    /// It has begun to drain.
    Draining(Worker),
    /// It holds no more work, and exits.
    Drained {
        /// Which one.
        worker: Worker,
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that its deadline closed with a request that was begun and not
        /// answered.
        cut: usize,
    },
    /// It reports something in the chapter's own words.
    Report(Worker, Report),
    /// It ended in this way, was reaped, and is forgotten. This is what it was before.
    Exited(Worker, Exit),
}

impl<Order, Report> Workers<Order, Report>
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// What becomes of a worker next. Without workers it waits forever. Cancel safe.
    pub async fn next(&mut self) -> Notice<Report> {
        loop {
            let notice = tokio::select! {
                notice = self.cluster.next() => match notice {
                    cluster_basics::Notice::Said { id, message } => self.heard(id.pid, message),
                    cluster_basics::Notice::Garbled { id, error } => self.garbled(id, &error),
                    cluster_basics::Notice::Exited { id, exit } => self.lost(id.pid, exit),
                },
                () = at(self.failed_starts.front().map(|(_, until)| *until)) => {
                    let failed = self.failed_starts.pop_front();
                    let lost = failed.and_then(|(pid, _)| self.fleet.remove(pid));
                    lost.map(|lost| Notice::Exited(lost, Exit::Code(-1)))
                }
            };
            if let Some(notice) = notice {
                return notice;
            }
        }
    }

    pub(super) fn heard(
        &mut self,
        pid: Pid,
        message: FromWorker<Report>,
    ) -> Option<Notice<Report>> {
        let id = self.fleet.get(pid)?.id();
        match message {
            FromWorker::Ready => {
                self.fleet.step(pid, WorkerInput::SaidReady, Instant::now());
                // A worker that was told to drain, or killed, a moment ago has said so too late.
                let ready = self.fleet.get(pid).filter(|worker| worker.state.is_ready())?;
                emit(WorkerEvent::Ready(id));
                Some(Notice::Ready(ready))
            }
            FromWorker::Draining { in_flight } => {
                emit(WorkerEvent::Draining { id, in_flight });
                self.fleet.get(pid).map(Notice::Draining)
            }
            FromWorker::CleanedUp { resource, detail } => {
                let (resource, detail) =
                    (clip(&resource, LONGEST_TEXT), clip(&detail, LONGEST_TEXT));
                emit(WorkerEvent::CleanedUp { slot: id.slot, resource, detail });
                None
            }
            FromWorker::Drained { answered, cut } => {
                emit(WorkerEvent::Drained { id, answered, cut });
                self.cut += cut;
                Some(Notice::Drained { worker: self.fleet.get(pid)?, answered, cut })
            }
            FromWorker::Report(report) => Some(Notice::Report(self.fleet.get(pid)?, report)),
        }
    }

    /// The worker's channel is of no use any more. Its end counts as a crash, so the state stays.
    fn garbled(&mut self, id: WorkerId, error: &ReceiveError) -> Option<Notice<Report>> {
        // The error quotes what the worker sent.
        self.end(self.fleet.get(id.pid)?, &clip(&error.to_string(), LONGEST_TEXT));
        None
    }

    pub(super) fn lost(&mut self, pid: Pid, exit: Exit) -> Option<Notice<Report>> {
        // Removed before anything is said: a chapter that looks at the fleet must not find it there.
        let lost = self.fleet.remove(pid)?;
        emit(WorkerEvent::Exited { id: lost.id(), exit });
        if let Some(successor) = self.fleet.succeed(&lost, Instant::now()) {
            let version = self.has_versions.then(|| successor.version.to_string());
            let millis = millis(successor.replaced_in.unwrap_or(Duration::ZERO));
            emit(WorkerEvent::Replaced { id: successor.id(), version, millis });
        }
        Some(Notice::Exited(lost, exit))
    }
}
