//! The service's socket, as the primary sees it.

use std::{io, net::TcpListener};

use events::{ServiceEvent, emit};
use serde::{Serialize, de::DeserializeOwned};

use super::Workers;

impl<Order, Report> Workers<Order, Report>
where
    Order: Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// The service's socket, for a primary that answers clients itself.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn listener(&self) -> io::Result<TcpListener> {
        self.cluster.listener()
    }

    /// Tells the world that connections are accepted.
    pub fn announce(&self) {
        emit(ServiceEvent::Listening { address: self.address, admin: self.admin });
    }

    /// Lets no new client into the kernel's queue, and closes the primary's copy of the listening
    /// socket. The workers' copies stay open, and a client that waits in the queue can still be
    /// accepted. Nothing can be started after it.
    pub fn stop_listening(&mut self) {
        self.cluster.stop_listening();
    }
}
