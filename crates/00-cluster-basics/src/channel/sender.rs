//! The sending end.

use std::{marker::PhantomData, time::Duration};

use bytes::{Bytes, BytesMut};
use serde::Serialize;
use tokio::{
    net::unix::OwnedWriteHalf,
    sync::{mpsc, oneshot},
};

use super::{
    MAX_FRAME,
    writer::{Outgoing, What, Writer, WriterTask, put_frame},
};

/// The longest queue of messages that wait for their peer to read.
pub(super) const QUEUE: usize = 64;

/// The sending half. Its clones share one queue.
pub struct Sender<T> {
    queue: mpsc::Sender<Outgoing>,
    message: PhantomData<fn(T)>,
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Sender { queue: self.queue.clone(), message: PhantomData }
    }
}

/// Why a message could not be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The peer reads too slowly, or not at all.
    #[error("{QUEUE} messages wait for the peer to read")]
    Full,
    /// The peer is gone.
    #[error("the peer is gone")]
    Closed,
    /// The message can't be written.
    #[error("the message can't be written: {0}")]
    Unwritable(#[from] serde_json::Error),
    /// The message is longer than a frame may be.
    #[error("the message has {0} bytes, and a frame has at most {MAX_FRAME}")]
    TooLong(usize),
}

impl<T> Sender<T> {
    /// The sending half of a peer that `stream` leads to, which first gets the bytes `unwritten`. A task
    /// of its own writes.
    pub(super) fn start(stream: OwnedWriteHalf, unwritten: &[u8]) -> (Self, WriterTask) {
        let (queue, outgoing) = mpsc::channel(QUEUE);
        let task = Writer::new(stream, outgoing, unwritten).start();
        (Sender { queue, message: PhantomData }, task)
    }

    /// Writes `pieces` as they are, and pauses after each; without any, closes this direction. For a
    /// test that plays a broken peer: what comes out need not be a frame.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the peer is gone.
    pub async fn send_raw(&self, pieces: Vec<(Bytes, Duration)>) -> Result<(), SendError> {
        self.wait_until_written(What::Raw(pieces)).await
    }

    async fn wait_until_written(&self, what: What) -> Result<(), SendError> {
        let (written, is_written) = oneshot::channel();
        let outgoing = Outgoing { what, written: Some(written) };
        self.queue.send(outgoing).await.map_err(|_| SendError::Closed)?;
        is_written.await.map_err(|_| SendError::Closed)
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends one message, and returns once the kernel has it: waits while the peer is slow to read.
    ///
    /// Cancelled, it may have sent the message, or not.
    ///
    /// # Errors
    /// When the peer is gone, or the message can't be written.
    pub async fn send(&self, message: &T) -> Result<(), SendError> {
        self.wait_until_written(What::Json(json(message)?)).await
    }

    /// Sends one message as soon as the peer reads, and waits for nothing.
    ///
    /// # Errors
    /// [`SendError::Full`] when too many messages wait already; otherwise as for [`Self::send`].
    pub fn try_send(&self, message: &T) -> Result<(), SendError> {
        let outgoing = Outgoing { what: What::Json(json(message)?), written: None };
        self.queue.try_send(outgoing).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }
}

/// `message` as it is written into a channel.
///
/// # Errors
/// When it can't be written, or is too long.
pub fn frame(message: &impl Serialize) -> Result<Vec<u8>, SendError> {
    let mut bytes = BytesMut::new();
    put_frame(&mut bytes, &json(message)?);
    Ok(bytes.into())
}

fn json(message: &impl Serialize) -> Result<Bytes, SendError> {
    let json = serde_json::to_vec(message)?;
    if json.len() > MAX_FRAME {
        return Err(SendError::TooLong(json.len()));
    }
    Ok(json.into())
}
