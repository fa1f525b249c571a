//! What the primary has of one worker process, from its start to its end.

use advanced_ipc::{
    Config, Failure, Frame, Leftovers, Link, Message, Pid, Priority, Queue, Slot, queue,
};
use tokio::sync::watch;

use crate::{outbox::Outbox, peer::Peer};

/// One worker process.
pub(crate) struct Colleague {
    pub(crate) pid: Pid,
    pub(crate) peer: Peer,
    /// Closed with the colleague: then no answer can reach the worker any more.
    pub(crate) life: watch::Sender<()>,
    outbox: Outbox,
    /// A task of its own sends what is put in here. The outbox bounds it.
    queue: Queue,
}

impl Colleague {
    pub(crate) fn new(pid: Pid, link: Link, config: &Config) -> Self {
        let (outbox, life) = (Outbox::new(config.queue_limit), watch::Sender::new(()));
        let queue = start_sending(link.clone());
        let peer = Peer::new(link, config.max_in_flight);
        Colleague { pid, peer, life, outbox, queue }
    }

    /// Accepts `text` for this worker.
    pub(crate) fn accept(
        &mut self,
        from: Slot,
        text: String,
        priority: Priority,
    ) -> Result<u64, Failure> {
        let sequence = self.outbox.accept()?;
        self.queue.push(Message { sequence, from, text }, priority);
        Ok(sequence)
    }

    /// Accepts what an earlier worker in `slot` had not acknowledged: it was accepted before all that
    /// comes now, and there is room, because that worker had the same limit.
    pub(crate) fn accept_leftovers(&mut self, leftovers: &mut Leftovers, slot: Slot) {
        for (Message { from, text, .. }, priority) in leftovers.take(slot) {
            let _ = self.accept(from, text, priority);
        }
    }

    /// The worker has the first `up_to` messages that were sent to it.
    pub(crate) fn acknowledged(&mut self, up_to: u64) {
        self.queue.acknowledged(self.outbox.acknowledged(up_to));
    }

    /// The worker is gone, and everything that it said was heard.
    pub(crate) fn gone(&self, leftovers: &mut Leftovers, slot: Slot) {
        self.peer.calls.gone();
        leftovers.keep(slot, &self.queue);
    }
}

/// Sends messages through `link`, one after the other: that is what keeps them in order.
fn start_sending(link: Link) -> Queue {
    let (queue, mut waiting) = queue();
    tokio::spawn(async move {
        while let Some(message) = waiting.next().await {
            if link.send(Frame::Message(message)).await.is_err() {
                return;
            }
        }
    });
    queue
}
