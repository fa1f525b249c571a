//! The receiving end.

use std::{io, marker::PhantomData};

use serde::de::DeserializeOwned;
use tokio::{io::AsyncReadExt, net::unix::OwnedReadHalf};

use super::{MAX_FRAME, frames::Frames};

/// The receiving half.
pub struct Receiver<T> {
    stream: OwnedReadHalf,
    frames: Frames,
    message: PhantomData<fn() -> T>,
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

impl<T> Receiver<T> {
    pub(super) fn new(stream: OwnedReadHalf, unread: &[u8]) -> Self {
        Receiver { stream, frames: Frames::after(unread), message: PhantomData }
    }

    /// The socket, and the bytes that were read from it and don't make a whole message yet.
    pub(super) fn into_parts(self) -> (OwnedReadHalf, Vec<u8>) {
        (self.stream, self.frames.into_unread())
    }
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
            if let Some(frame) = self.frames.next_frame()? {
                return serde_json::from_slice(&frame).map_err(ReceiveError::Malformed);
            }
            match self.stream.read_buf(self.frames.room()).await {
                Ok(0) => return Err(self.frames.end()),
                Ok(_) => {}
                // The peer died while it had something of ours to read.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(ReceiveError::Closed);
                }
                Err(error) => return Err(ReceiveError::Unreadable(error)),
            }
        }
    }
}
