//! Typed messages between a primary and a worker.
//!
//! A stream socket has no message boundaries, so each message is a frame: its length in four
//! bytes, then JSON. Guide 05 builds calls, queues and broadcasts on top of this.

use std::{io, marker::PhantomData, os::unix::net::UnixStream as StdUnixStream};

use bytes::Bytes;
use futures_util::SinkExt;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::AsyncReadExt,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::codec::{Decoder, FramedWrite, LengthDelimitedCodec};

/// The longest message in bytes; more is a bug, or not our protocol.
const MAX_FRAME: usize = 64 * 1024;

/// The sending half.
pub struct Sender<T> {
    frames: FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>,
    message: PhantomData<fn(T)>,
}

/// The receiving half.
pub struct Receiver<T> {
    stream: OwnedReadHalf,
    codec: LengthDelimitedCodec,
    buffer: bytes::BytesMut,
    message: PhantomData<fn() -> T>,
}

/// Makes a channel of one end of a socket pair. Call it inside a tokio runtime.
///
/// # Errors
/// When the runtime can't take the socket over.
pub fn channel<Out, In>(stream: StdUnixStream) -> io::Result<(Sender<Out>, Receiver<In>)> {
    stream.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    let sender = Sender { frames: FramedWrite::new(write, codec()), message: PhantomData };
    let receiver = Receiver {
        stream: read,
        codec: codec(),
        buffer: bytes::BytesMut::new(),
        message: PhantomData,
    };
    Ok((sender, receiver))
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec()
}

impl<T: Serialize> Sender<T> {
    /// Sends one message; waits while the other side is slow to read.
    ///
    /// # Errors
    /// `BrokenPipe` when the other side is gone.
    pub async fn send(&mut self, message: &T) -> io::Result<()> {
        let json = serde_json::to_vec(message)?;
        self.frames.send(Bytes::from(json)).await
    }
}

impl<T: DeserializeOwned> Receiver<T> {
    /// The next message. `None` when the other side is gone, has closed its end, or has sent
    /// something that isn't a message.
    ///
    /// Cancel safe: a message that has partly arrived is kept for the next call.
    pub async fn recv(&mut self) -> Option<T> {
        loop {
            if let Some(frame) = self.codec.decode(&mut self.buffer).ok()? {
                return serde_json::from_slice(&frame).ok();
            }
            if self.stream.read_buf(&mut self.buffer).await.ok()? == 0 {
                return None;
            }
        }
    }
}
