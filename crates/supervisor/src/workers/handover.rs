//! All workers, handed on to the program that takes this primary's place, or taken back by itself.

use std::{
    collections::VecDeque,
    io,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixStream},
    time::{Duration, Instant},
};

use cluster_basics::{
    Cluster,
    channel::{ChannelHandover, frame},
    cluster::{Handover, WorkerHandover},
};
use events::{Exit, Pid, WorkerId};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Notice, Workers,
    record::{WorkerRecord, WorkersRecord},
};
use crate::{messages::ToWorker, settings::Settings};

/// Workers at a standstill: what is known of them, and their descriptors. No worker notices: who serves
/// goes on serving, what it says waits in its socket, and one that ends waits as a zombie.
#[derive(Debug)]
pub struct WorkersHandover {
    /// What is known.
    pub record: WorkersRecord,
    /// The service's socket.
    pub listener: TcpListener,
    /// The channel of each worker of the record, in its order.
    pub channels: Vec<OwnedFd>,
}

impl WorkersHandover {
    /// Tells the worker `pid` this `order`, as soon as it has a primary again. A worker that isn't here
    /// needs no order any more.
    pub fn tell_one<Order: Serialize>(&mut self, pid: Pid, order: Order) {
        let worker = self.record.workers.iter_mut().find(|worker| worker.pid == pid);
        if let Some(worker) = worker
            && let Ok(frame) = frame(&ToWorker::Order(order))
        {
            worker.unwritten.extend(frame);
        }
    }
}

impl<Order, Report> Workers<Order, Report>
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// Brings all workers to a standstill, and returns what became of them before that. It waits for none.
    /// What [`Self::tell_all`] told last is not handed on.
    ///
    /// # Errors
    /// When [`Self::stop_listening`] was called before.
    pub async fn take_apart(mut self) -> io::Result<(WorkersHandover, Vec<Notice<Report>>)> {
        let cluster = std::mem::replace(&mut self.cluster, Cluster::not_listening());
        let (handover, said) = cluster.take_apart().await;
        let mut before: Vec<_> =
            said.into_iter().filter_map(|said| self.last_heard(said)).collect();
        for (pid, _) in std::mem::take(&mut self.failed_starts) {
            let lost = self.fleet.remove(pid);
            before.extend(lost.map(|lost| Notice::Exited(lost, Exit::Code(-1))));
        }
        let now = Instant::now();
        let (workers, channels) =
            handover.workers.into_iter().filter_map(|worker| self.record(worker, now)).unzip();
        let record = self.record_of(workers);
        let listener = handover.listener.ok_or_else(|| io::Error::other("not listening"))?;
        Ok((WorkersHandover { record, listener, channels }, before))
    }

    /// What is known of all workers now, without a standstill: for a rehearsal.
    #[must_use]
    pub fn record_now(&self) -> WorkersRecord {
        let now = Instant::now();
        let of = |worker| WorkerRecord::of(worker, Vec::new(), Vec::new(), now);
        self.record_of(self.fleet.all().iter().map(of).collect())
    }

    fn record_of(&self, workers: Vec<WorkerRecord>) -> WorkersRecord {
        let starts = self.fleet.all_starts().clone().into_iter().collect();
        WorkersRecord { workers, starts, has_versions: self.has_versions, cut: self.cut }
    }

    fn last_heard(
        &mut self,
        said: cluster_basics::Notice<crate::FromWorker<Report>>,
    ) -> Option<Notice<Report>> {
        match said {
            cluster_basics::Notice::Said { id, message } => self.heard(id.pid, message),
            // The next reader finds the same, and can kill the worker.
            cluster_basics::Notice::Garbled { .. } => None,
            cluster_basics::Notice::Exited { id, exit } => self.lost(id.pid, exit),
        }
    }

    fn record(&self, worker: WorkerHandover, now: Instant) -> Option<(WorkerRecord, OwnedFd)> {
        let ChannelHandover { stream, unread, unwritten } = worker.channel;
        let known = self.fleet.get(worker.id.pid)?;
        Some((WorkerRecord::of(&known, unread, unwritten, now), stream.into()))
    }

    /// Goes on where `handover` stands.
    ///
    /// # Errors
    /// When it does not have as many channels as workers, or they can't be taken over.
    pub fn put_together(settings: Settings, handover: WorkersHandover) -> io::Result<Self> {
        let WorkersHandover { record, listener, channels } = handover;
        if record.workers.len() != channels.len() {
            let (workers, channels) = (record.workers.len(), channels.len());
            return Err(io::Error::other(format!("{workers} workers and {channels} channels")));
        }
        let address = listener.local_addr()?;
        let fleet = record.fleet(Instant::now());
        let workers = record.workers.into_iter().zip(channels).map(|(worker, channel)| {
            let id = WorkerId { slot: worker.slot, pid: worker.pid };
            let (stream, unread) = (UnixStream::from(channel), worker.unread);
            let unwritten = worker.unwritten;
            WorkerHandover { id, channel: ChannelHandover { stream, unread, unwritten } }
        });
        let workers = workers.collect();
        Ok(Workers {
            cluster: Cluster::put_together(Handover { listener: Some(listener), workers })?,
            fleet,
            address,
            admin: None,
            settings,
            min_ready: Duration::ZERO,
            has_versions: record.has_versions,
            standing_order: None,
            cut: record.cut,
            failed_starts: VecDeque::new(),
        })
    }
}
