//! The sending end.

use std::{marker::PhantomData, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use tokio::{
    io::AsyncWriteExt,
    net::unix::OwnedWriteHalf,
    sync::{mpsc, oneshot},
    time::sleep,
};

use super::MAX_FRAME;

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

/// What waits in the queue, and where to report that it was written.
struct Outgoing {
    what: What,
    written: Option<oneshot::Sender<()>>,
}

enum What {
    /// A message, whose length is written before it.
    Json(Bytes),
    /// Bytes as they are, with a pause after each piece; without any, the end.
    Raw(Vec<(Bytes, Duration)>),
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
    /// The sending half of a peer that `stream` leads to. A task of its own writes.
    pub(super) fn start(stream: OwnedWriteHalf) -> Self {
        let (queue, outgoing) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(stream, outgoing));
        Sender { queue, message: PhantomData }
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

fn json(message: &impl Serialize) -> Result<Bytes, SendError> {
    let json = serde_json::to_vec(message)?;
    if json.len() > MAX_FRAME {
        return Err(SendError::TooLong(json.len()));
    }
    Ok(json.into())
}

/// Writes what comes until the peer is gone; then the queue is closed, and senders learn of it.
async fn write_all(mut stream: OwnedWriteHalf, mut outgoing: mpsc::Receiver<Outgoing>) {
    let mut batch = Vec::new();
    // All that is ready goes out in one write, and nothing waits for a batch to fill.
    while outgoing.recv_many(&mut batch, QUEUE).await > 0 {
        if write_batch(&mut stream, &mut batch).await.is_err() {
            return;
        }
    }
}

async fn write_batch(
    stream: &mut OwnedWriteHalf,
    batch: &mut Vec<Outgoing>,
) -> std::io::Result<()> {
    let mut frames = BytesMut::new();
    let mut written = Vec::new();
    for Outgoing { what, written: report } in batch.drain(..) {
        match what {
            What::Json(json) => put_frame(&mut frames, &json),
            What::Raw(pieces) => {
                stream.write_all(&frames.split()).await?;
                write_raw(stream, pieces).await?;
            }
        }
        written.extend(report);
    }
    stream.write_all(&frames).await?;
    for report in written {
        // The sender may not wait for this any more.
        let _ = report.send(());
    }
    Ok(())
}

/// The length of a frame in four bytes, then the frame.
fn put_frame(buffer: &mut BytesMut, json: &[u8]) {
    // It fits: a frame has at most `MAX_FRAME` bytes.
    buffer.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    buffer.put_slice(json);
}

async fn write_raw(
    stream: &mut OwnedWriteHalf,
    pieces: Vec<(Bytes, Duration)>,
) -> std::io::Result<()> {
    if pieces.is_empty() {
        stream.shutdown().await?;
    }
    for (bytes, pause) in pieces {
        stream.write_all(&bytes).await?;
        sleep(pause).await;
    }
    Ok(())
}
