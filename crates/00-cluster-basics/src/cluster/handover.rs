//! All workers of a primary, handed on to the program that takes its place: the same process, executing
//! another file. Or taken back, if that fails.

use std::{io, mem, net::TcpListener};

use events::WorkerId;
use serde::{Serialize, de::DeserializeOwned};

use super::{Cluster, Notice};
use crate::channel::{ChannelHandover, stop};

/// A cluster at a standstill. The primary hears and reaps no worker of it: one that ends now stays a
/// zombie, so its pid is its own until the next program reaps it.
#[derive(Debug)]
pub struct Handover {
    /// The socket that workers inherit, unless [`Cluster::stop_listening`] was called.
    pub listener: Option<TcpListener>,
    /// The workers that were not reaped.
    pub workers: Vec<WorkerHandover>,
}

/// One worker.
#[derive(Debug)]
pub struct WorkerHandover {
    /// Which one.
    pub id: WorkerId,
    /// Its channel.
    pub channel: ChannelHandover,
}

impl<Out, In> Cluster<Out, In>
where
    Out: Serialize,
    In: DeserializeOwned + Send + 'static,
{
    /// Brings everything to a standstill, and returns what the workers said and how some of them ended
    /// before that. It waits for no worker: what one has not read yet is handed on as well.
    pub async fn take_apart(mut self) -> (Handover, Vec<Notice<In>>) {
        let mut before = Vec::new();
        let mut workers = Vec::new();
        for handle in self.workers.values() {
            handle.hand_on.notify_one();
        }
        for mut handle in mem::take(&mut self.workers).into_values() {
            let receiver = loop {
                tokio::select! {
                    // The tasks wait while the queue of notices is full.
                    Some(notice) = self.notices.recv() => before.push(notice),
                    receiver = &mut handle.watch => break receiver,
                }
            };
            // A worker without one was reaped: its end is among the notices.
            if let Ok(Some(receiver)) = receiver
                && let Ok(channel) = stop(receiver, handle.writer).await
            {
                workers.push(WorkerHandover { id: handle.id, channel });
            }
        }
        while let Ok(notice) = self.notices.try_recv() {
            before.push(notice);
        }
        (Handover { listener: self.listener, workers }, before)
    }

    /// Goes on where `handover` stands. A worker that has ended meanwhile is reaped, and reported as
    /// any other.
    ///
    /// # Errors
    /// When a channel can't be taken over, or no signal handler can be installed.
    pub fn put_together(handover: Handover) -> io::Result<Self> {
        let mut cluster = Cluster::empty(handover.listener);
        for WorkerHandover { id, channel } in handover.workers {
            cluster.watch(id, channel)?;
        }
        Ok(cluster)
    }
}
