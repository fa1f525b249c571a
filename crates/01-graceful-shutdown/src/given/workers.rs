//! The primary's view of its workers. Reports each thing that happens to them as an event.

use std::{io, net::SocketAddr};

use cluster_basics::Cluster;
pub use cluster_basics::Notice;
use events::{Event, emit};

use super::{FromWorker, ToWorker};

/// The workers of this primary.
pub struct Workers {
    cluster: Cluster<ToWorker, FromWorker>,
    address: SocketAddr,
}

impl Workers {
    pub(super) fn new(cluster: Cluster<ToWorker, FromWorker>, address: SocketAddr) -> Self {
        Workers { cluster, address }
    }

    /// Starts a worker in slot `worker`.
    ///
    /// # Errors
    /// When the process can't be started.
    pub fn start(&mut self, worker: u32) -> io::Result<()> {
        let pid = self.cluster.spawn(worker)?;
        emit(&Event::WorkerStarted { worker, pid, version: None });
        Ok(())
    }

    /// Tells the world that connections are accepted.
    pub fn announce(&self) {
        emit(&Event::Listening { address: self.address, admin: None });
    }

    /// What a worker says next, or its end. Without workers it waits for ever. Cancel safe.
    pub async fn next(&mut self) -> Notice<FromWorker> {
        let notice = self.cluster.next().await;
        emit(&event_of(&notice));
        notice
    }

    /// Tells every worker `message`.
    pub async fn tell_all(&mut self, message: ToWorker) {
        self.cluster.tell_all(&message).await;
    }

    /// Ends every worker at once, by SIGKILL. They clean nothing up.
    pub fn kill_all(&self, reason: &str) {
        emit(&Event::ShutdownForced { reason: reason.to_owned() });
        self.cluster.kill_all();
    }

    /// Lets nobody new into the kernel's queue, and closes the primary's copy of the listening
    /// socket. The workers' copies stay open, and who waits in the queue can still be accepted.
    pub fn stop_listening(&mut self) {
        self.cluster.stop_listening();
    }

    /// Whether no worker is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cluster.is_empty()
    }
}

fn event_of(notice: &Notice<FromWorker>) -> Event {
    match *notice {
        Notice::Exited { worker, pid, exit } => Event::WorkerExited { worker, pid, exit },
        Notice::Said { worker, pid, ref message } => match message.clone() {
            FromWorker::Ready => Event::WorkerReady { worker, pid },
            FromWorker::Draining { in_flight } => Event::WorkerDraining { worker, pid, in_flight },
            FromWorker::Drained { answered, cut } => {
                Event::WorkerDrained { worker, pid, answered, cut }
            }
            FromWorker::CleanedUp { resource, detail } => {
                Event::CleanedUp { worker, resource, detail }
            }
        },
    }
}
