//! One end of the channel between a worker and its primary: both have one, and use it in the same way.

use std::time::Duration;

use bytes::Bytes;
use supervisor::WorkerChannel;

use crate::frame::{Failure, Frame};

/// Sends frames to the peer. Its clones share one bounded queue and one writing task.
#[derive(Clone)]
pub struct Link(End);

#[derive(Clone)]
enum End {
    OfPrimary(supervisor::Link<Frame>),
    OfWorker(WorkerChannel<Frame>),
}

impl Link {
    pub(crate) fn to_worker(link: supervisor::Link<Frame>) -> Self {
        Link(End::OfPrimary(link))
    }

    pub(crate) fn to_primary(channel: WorkerChannel<Frame>) -> Self {
        Link(End::OfWorker(channel))
    }

    /// Sends `frame`, and returns once the kernel has it. It waits while the peer does not read, so
    /// a call in a loop that serves others stops that loop.
    ///
    /// Dropped before it returns, it may have sent the frame, or not.
    ///
    /// # Errors
    /// [`Failure::Died`] when the peer is gone.
    pub async fn send(&self, frame: Frame) -> Result<(), Failure> {
        match &self.0 {
            End::OfPrimary(link) => link.send(frame).await.map_err(|_| Failure::Died),
            // A worker whose primary is gone ends.
            End::OfWorker(channel) => {
                channel.report(frame).await;
                Ok(())
            }
        }
    }

    /// For faults: bytes that need not be a frame, with a pause after each piece.
    pub(crate) async fn send_raw(&self, pieces: Vec<(Bytes, Duration)>) {
        if let End::OfWorker(channel) = &self.0 {
            channel.send_raw(pieces).await;
        }
    }
}
