//! Bytes become frames, wherever the kernel has cut them.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, LengthDelimitedCodec, LengthDelimitedCodecError};

use super::{MAX_FRAME, ReceiveError};

/// How many bytes one read may take: many short frames, so that each does not cost a system call.
pub const READ: usize = 8 * 1024;

/// How many bytes the length of a frame takes.
const PREFIX: usize = 4;

/// The frames in a stream of bytes. It knows no socket, so a test can feed it anything.
pub struct Frames {
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
    /// The length of a frame whose bytes are still to come: the codec has taken it from the buffer.
    length: Option<[u8; PREFIX]>,
}

impl Default for Frames {
    fn default() -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec();
        Frames { codec, buffer: BytesMut::new(), length: None }
    }
}

impl Frames {
    /// Where to put the bytes that arrive: there is room for [`READ`] of them, or for the rest of a long frame.
    pub fn room(&mut self) -> &mut BytesMut {
        // Without this a read would take what happens to be free, 64 bytes as a rule. A frame that
        // is longer has its room from the codec: to ask for more at its end doubles the buffer.
        if self.buffer.len() < READ {
            self.buffer.reserve(READ);
        }
        &mut self.buffer
    }

    /// How much memory it has.
    #[must_use]
    pub fn reserved(&self) -> usize {
        self.buffer.capacity()
    }

    /// The next frame; `None` while its last byte has not arrived.
    ///
    /// # Errors
    /// When a frame is too long. Nothing behind it can be read.
    pub fn next_frame(&mut self) -> Result<Option<BytesMut>, ReceiveError> {
        let length = self.length.or_else(|| self.buffer.first_chunk().copied());
        let frame = self.codec.decode(&mut self.buffer).map_err(from_codec)?;
        self.length = if frame.is_none() { length } else { None };
        Ok(frame)
    }

    /// The bytes that were read and make no whole frame yet, after [`Self::next_frame`] returned `None`.
    #[must_use]
    pub fn into_unread(self) -> Vec<u8> {
        self.length.iter().flatten().chain(&self.buffer).copied().collect()
    }

    /// Frames that begin with bytes that were read before: see [`Self::into_unread`].
    #[must_use]
    pub fn after(unread: &[u8]) -> Self {
        Frames { buffer: unread.into(), ..Frames::default() }
    }

    /// What it means that the stream ends here, after [`Self::next_frame`] returned `None`.
    #[must_use]
    pub fn end(&self) -> ReceiveError {
        if self.buffer.is_empty() && self.length.is_none() {
            ReceiveError::Closed
        } else {
            ReceiveError::CutOff
        }
    }
}

fn from_codec(error: io::Error) -> ReceiveError {
    let inner = error.get_ref();
    if inner.is_some_and(<dyn std::error::Error + Send + Sync>::is::<LengthDelimitedCodecError>) {
        ReceiveError::TooLong
    } else {
        ReceiveError::Unreadable(error)
    }
}
