//! Bytes become frames, wherever the kernel has cut them.

use std::io;

use bytes::BytesMut;
use tokio_util::codec::{Decoder, LengthDelimitedCodec, LengthDelimitedCodecError};

use super::{MAX_FRAME, ReceiveError};

/// How many bytes one read may take: many short frames, so that each does not cost a system call.
pub const READ: usize = 8 * 1024;

/// The frames in a stream of bytes. It knows no socket, so a test can feed it anything.
pub struct Frames {
    codec: LengthDelimitedCodec,
    buffer: BytesMut,
    /// Whether the codec has taken the length of a frame whose bytes are still to come.
    has_length: bool,
}

impl Default for Frames {
    fn default() -> Self {
        let codec = LengthDelimitedCodec::builder().max_frame_length(MAX_FRAME).new_codec();
        Frames { codec, buffer: BytesMut::new(), has_length: false }
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
        let before = self.buffer.len();
        let frame = self.codec.decode(&mut self.buffer).map_err(from_codec)?;
        self.has_length = frame.is_none() && (self.has_length || self.buffer.len() < before);
        Ok(frame)
    }

    /// What it means that the stream ends here, after [`Self::next_frame`] returned `None`.
    #[must_use]
    pub fn end(&self) -> ReceiveError {
        if self.buffer.is_empty() && !self.has_length {
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
