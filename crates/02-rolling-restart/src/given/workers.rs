//! The primary's hands and ears: start, drain or kill one worker, and hear what becomes of all.
//! Reports each thing that happens to them as an event.

use std::{io, net::SocketAddr, time::Duration};

use cluster_basics::Cluster;
use events::{Event, emit};

use super::{Config, FromWorker, Progress, ToWorker, Version};

/// Something that a worker said, or its end.
pub type Notice = cluster_basics::Notice<FromWorker>;

/// The workers of this primary, by process number.
pub struct Workers {
    cluster: Cluster<ToWorker, FromWorker>,
    address: SocketAddr,
    lame_duck: Duration,
    drain_timeout: Duration,
    progress: Progress,
}

impl Workers {
    pub(super) fn new(
        cluster: Cluster<ToWorker, FromWorker>,
        address: SocketAddr,
        config: &Config,
    ) -> Self {
        let (lame_duck, drain_timeout) = (config.lame_duck, config.drain_timeout);
        let progress = Progress::steady(Version::FIRST);
        Workers { cluster, address, lame_duck, drain_timeout, progress }
    }

    /// Starts a worker in slot `worker` with `version`, and returns its process number. It is not
    /// ready yet; there may be another one in that slot.
    ///
    /// # Errors
    /// When the process can't be started.
    pub async fn start(&mut self, worker: u32, version: Version) -> io::Result<u32> {
        let version = version.to_string();
        let pid = self.cluster.spawn_with(worker, &[("VERSION", &version)])?;
        emit(&Event::WorkerStarted { worker, pid, version: Some(version) });
        self.cluster.tell(pid, &ToWorker::Roll(self.progress.clone())).await;
        Ok(pid)
    }

    /// Tells the world that connections are accepted.
    pub fn announce(&self) {
        emit(&Event::Listening { address: self.address });
    }

    /// What a worker says next, or its end. Without workers it waits for ever. Cancel safe.
    pub async fn next(&mut self) -> Notice {
        let notice = self.cluster.next().await;
        emit(&event_of(&notice));
        notice
    }

    /// Tells the worker `pid` to take no new connections, to finish what it holds within
    /// `DRAIN_TIMEOUT_MS`, and to exit. Its `Exited` follows, unless it is stuck.
    pub async fn drain(&mut self, pid: u32) {
        let order = ToWorker::Drain { lame_duck: self.lame_duck, timeout: self.drain_timeout };
        self.cluster.tell(pid, &order).await;
    }

    /// Ends the worker `pid` at once, by SIGKILL. Its `Exited` follows.
    pub fn kill(&self, worker: u32, pid: u32, reason: &str) {
        emit(&Event::WorkerKilled { worker, pid, reason: reason.to_owned() });
        self.cluster.kill(pid);
    }

    /// What `GET /roll` answers from now on, in every worker.
    pub async fn publish(&mut self, progress: Progress) {
        self.progress = progress;
        self.cluster.tell_all(&ToWorker::Roll(self.progress.clone())).await;
    }

    /// Lets nobody new in, and closes the primary's copy of the listening socket. Nothing can be
    /// started after it.
    pub fn stop_listening(&mut self) {
        self.cluster.stop_listening();
    }

    /// Ends every worker at once, by SIGKILL.
    pub fn kill_all(&self, reason: &str) {
        emit(&Event::ShutdownForced { reason: reason.to_owned() });
        self.cluster.kill_all();
    }

    /// Whether no worker is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cluster.is_empty()
    }
}

fn event_of(notice: &Notice) -> Event {
    match *notice {
        Notice::Exited { worker, pid, exit } => Event::WorkerExited { worker, pid, exit },
        Notice::Said { worker, pid, message } => match message {
            FromWorker::Ready => Event::WorkerReady { worker, pid },
            FromWorker::Draining { in_flight } => Event::WorkerDraining { worker, pid, in_flight },
            FromWorker::Drained { answered, cut } => {
                Event::WorkerDrained { worker, pid, answered, cut }
            }
        },
    }
}
