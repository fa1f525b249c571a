//! The way to one worker, for tasks that may wait while it is slow to read.

use cluster_basics::channel::{SendError, Sender};
use events::Pid;
use serde::{Serialize, de::DeserializeOwned};

use super::Workers;
use crate::messages::ToWorker;

/// The way to one worker. Its clones share one queue.
pub struct Link<Order>(Sender<ToWorker<Order>>);

impl<Order: Serialize> Link<Order> {
    /// Sends `order`, and returns once the kernel has it: waits while the worker is slow to read.
    ///
    /// # Errors
    /// When the worker is gone, or the order is too long.
    pub async fn send(&self, order: Order) -> Result<(), SendError> {
        self.0.send(&ToWorker::Order(order)).await
    }
}

impl<Order> Clone for Link<Order> {
    fn clone(&self) -> Self {
        Link(self.0.clone())
    }
}

impl<Order, Report> Workers<Order, Report>
where
    Order: Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// The way to the worker `pid`, for a task that may wait while that worker is slow to read. `None`
    /// when it is gone.
    #[must_use]
    pub fn link(&self, pid: Pid) -> Option<Link<Order>> {
        self.cluster.sender(pid).map(Link)
    }

    /// Tells the worker `pid` this `order`, after all that it was told before. It returns at once. A worker
    /// that reads nothing misses the order once its queue is full.
    pub fn tell_one(&self, pid: Pid, order: Order) {
        // A worker that is gone needs no order any more.
        let _ = self.cluster.tell(pid, &ToWorker::Order(order));
    }
}
