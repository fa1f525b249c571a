//! Typed messages between a primary and a worker.
//!
//! A stream socket has no message boundaries, so each message is a frame: its length in four
//! bytes, then JSON. Guide 05 builds calls, queues and broadcasts on top of this.
//!
//! A task of its own writes what is sent, from a bounded queue. So a primary never waits for a worker
//! that reads nothing: [`Sender::try_send`] says that its queue is full.

use std::{io, marker::PhantomData, os::unix::net::UnixStream as StdUnixStream};

use bytes::{Bytes, BytesMut};
use futures_util::SinkExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::AsyncReadExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};
use tokio_util::codec::{Decoder, FramedWrite, LengthDelimitedCodec, LengthDelimitedCodecError};

/// The longest message in bytes; more is a bug, or not our protocol.
const MAX_FRAME: usize = 64 * 1024;

/// The longest queue of messages that wait for their peer to read.
const QUEUE: usize = 64;

/// The sending half.
pub struct Sender<T> {
    queue: mpsc::Sender<Outgoing>,
    message: PhantomData<fn(T)>,
}

/// A message on its way, and where to report that it was written.
struct Outgoing {
    json: Bytes,
    written: Option<oneshot::Sender<()>>,
}

/// The receiving half.
pub struct Receiver<T> {
    stream: OwnedReadHalf,
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
    /// Whether the codec has taken the length of a frame whose bytes are still to come.
    has_length: bool,
    message: PhantomData<fn() -> T>,
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

/// Why the next message can't be received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The peer has closed its end, between two messages.
    #[error("the peer has closed the channel")]
    Closed,
    /// The peer has closed its end in the middle of a message: most likely it died.
    #[error("the channel ends in the middle of a message")]
    CutOff,
    /// The peer sent a frame that isn't a message of ours.
    #[error("a message can't be read: {0}")]
    Malformed(serde_json::Error),
    /// The peer announced a frame that is longer than a frame may be.
    #[error("a frame is longer than {MAX_FRAME} bytes")]
    TooLong,
    /// The kernel could not read.
    #[error("the channel can't be read: {0}")]
    Unreadable(io::Error),
}

impl ReceiveError {
    /// Whether the peer does not speak our protocol. A peer that is gone isn't such a case.
    #[must_use]
    pub fn is_garbage(&self) -> bool {
        match self {
            ReceiveError::Malformed(_) | ReceiveError::TooLong => true,
            ReceiveError::Closed | ReceiveError::CutOff | ReceiveError::Unreadable(_) => false,
        }
    }
}

/// Makes a channel of one end of a socket pair. Call it inside a tokio runtime.
///
/// # Errors
/// When the runtime can't take the socket over.
pub fn channel<Out, In>(stream: StdUnixStream) -> io::Result<(Sender<Out>, Receiver<In>)> {
    stream.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    let (queue, outgoing) = mpsc::channel(QUEUE);
    tokio::spawn(write_all(FramedWrite::new(write, codec()), outgoing));
    let sender = Sender { queue, message: PhantomData };
    let receiver = Receiver {
        stream: read,
        codec: codec(),
        buffer: BytesMut::new(),
        has_length: false,
        message: PhantomData,
    };
    Ok((sender, receiver))
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec()
}

/// Writes what comes until the peer is gone; then the queue is closed, and senders learn of it.
async fn write_all(
    mut frames: FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>,
    mut outgoing: mpsc::Receiver<Outgoing>,
) {
    while let Some(Outgoing { json, written }) = outgoing.recv().await {
        if frames.send(json).await.is_err() {
            return;
        }
        // The sender may not wait for this any more.
        let _ = written.map(|written| written.send(()));
    }
}

impl<T: Serialize> Sender<T> {
    /// Sends one message, and returns once the kernel has it: waits while the peer is slow to read.
    ///
    /// # Errors
    /// When the peer is gone, or the message can't be written.
    pub async fn send(&self, message: &T) -> Result<(), SendError> {
        let (written, is_written) = oneshot::channel();
        let outgoing = Outgoing { json: frame(message)?, written: Some(written) };
        self.queue.send(outgoing).await.map_err(|_| SendError::Closed)?;
        is_written.await.map_err(|_| SendError::Closed)
    }

    /// Sends one message as soon as the peer reads, and waits for nothing.
    ///
    /// # Errors
    /// [`SendError::Full`] when too many messages wait already; otherwise as for [`Self::send`].
    pub fn try_send(&self, message: &T) -> Result<(), SendError> {
        let outgoing = Outgoing { json: frame(message)?, written: None };
        self.queue.try_send(outgoing).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Full,
            mpsc::error::TrySendError::Closed(_) => SendError::Closed,
        })
    }
}

fn frame(message: &impl Serialize) -> Result<Bytes, SendError> {
    let json = serde_json::to_vec(message)?;
    if json.len() > MAX_FRAME {
        return Err(SendError::TooLong(json.len()));
    }
    Ok(json.into())
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message.
    ///
    /// Cancel safe: a message that has partly arrived is kept for the next call.
    ///
    /// # Errors
    /// When there will be no more: [`ReceiveError`] says why.
    pub async fn recv(&mut self) -> Result<T, ReceiveError> {
        loop {
            if let Some(frame) = self.next_frame()? {
                return serde_json::from_slice(&frame).map_err(ReceiveError::Malformed);
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) if self.buffer.is_empty() && !self.has_length => {
                    return Err(ReceiveError::Closed);
                }
                Ok(0) => return Err(ReceiveError::CutOff),
                Ok(_) => {}
                // The peer died while it had something of ours to read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(ReceiveError::Closed);
                }
                Err(error) => return Err(ReceiveError::Unreadable(error)),
            }
        }
    }

    fn next_frame(&mut self) -> Result<Option<BytesMut>, ReceiveError> {
        let before = self.buffer.len();
        let frame = self.codec.decode(&mut self.buffer).map_err(ReceiveError::from_codec)?;
        self.has_length = frame.is_none() && (self.has_length || self.buffer.len() < before);
        Ok(frame)
    }
}

impl ReceiveError {
    fn from_codec(error: io::Error) -> Self {
        let is_too_long = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<LengthDelimitedCodecError>())
            .is_some();
        if is_too_long { ReceiveError::TooLong } else { ReceiveError::Unreadable(error) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    type Ends = (Sender<String>, Receiver<String>, StdUnixStream);

    fn ends() -> Ends {
        let (ours, theirs) = StdUnixStream::pair().expect("a socket pair");
        let (sender, receiver) = channel(ours).expect("a runtime");
        (sender, receiver, theirs)
    }

    /// What a peer that sends `bytes` and goes is taken for, after its messages.
    async fn last_error(bytes: &[u8]) -> ReceiveError {
        let (_sender, mut receiver, mut theirs) = ends();
        theirs.write_all(bytes).expect("there is room");
        drop(theirs);
        loop {
            if let Err(error) = receiver.recv().await {
                return error;
            }
        }
    }

    #[tokio::test]
    async fn a_peer_that_goes_is_told_from_one_that_talks_garbage() {
        assert!(matches!(last_error(b"").await, ReceiveError::Closed));
        assert!(matches!(last_error(b"\0\0\0\x04\"ok\"").await, ReceiveError::Closed));
        assert!(matches!(last_error(b"\0\0\0\x04\"o").await, ReceiveError::CutOff));
        assert!(matches!(last_error(b"\0\0\0\x04").await, ReceiveError::CutOff));
        assert!(matches!(last_error(b"\0\0").await, ReceiveError::CutOff));
        assert!(matches!(last_error(b"\0\0\0\x04tea!").await, ReceiveError::Malformed(_)));
        assert!(matches!(last_error(b"GET / HTTP/1.1\r\n").await, ReceiveError::TooLong));
    }

    #[tokio::test]
    async fn a_peer_that_reads_nothing_holds_up_nobody_and_its_queue_has_an_end() {
        let (sender, _receiver, _theirs) = ends();
        let long = "x".repeat(MAX_FRAME / 2);
        let sent = (0..10_000).map(|_| sender.try_send(&long)).take_while(Result::is_ok).count();
        assert!((QUEUE..QUEUE + 100).contains(&sent), "{sent}");
        assert!(matches!(sender.try_send(&long), Err(SendError::Full)));
        let too_long = sender.try_send(&"x".repeat(MAX_FRAME));
        assert!(matches!(too_long, Err(SendError::TooLong(_))));
    }

    #[tokio::test]
    async fn a_sender_learns_that_its_peer_is_gone() {
        let (sender, _receiver, theirs) = ends();
        drop(theirs);
        assert!(matches!(sender.send(&"hello".to_owned()).await, Err(SendError::Closed)));
    }
}
