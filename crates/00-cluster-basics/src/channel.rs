//! Typed messages between a primary and a worker.
//!
//! A stream socket has no message boundaries, so each message is a frame: its length in four
//! bytes, then JSON. Guide 05 builds calls, queues and broadcasts on top of this.
//!
//! A task of its own writes what is sent, from a bounded queue. So a primary never waits for a
//! worker that reads nothing: [`Sender::try_send`] says that its queue is full.

mod frames;
mod receiver;
mod sender;

use std::{io, os::unix::net::UnixStream as StdUnixStream};

use tokio::net::UnixStream;

pub use self::{
    frames::{Frames, READ},
    receiver::{ReceiveError, Receiver},
    sender::{SendError, Sender},
};

/// The longest message in bytes; more is a bug, or not our protocol. A text of 16 KiB fits, though
/// JSON may write each of its bytes as six.
pub const MAX_FRAME: usize = 128 * 1024;

/// Makes a channel of one end of a socket pair. Call it inside a tokio runtime.
///
/// # Errors
/// When the runtime can't take the socket over.
pub fn channel<Out, In>(stream: StdUnixStream) -> io::Result<(Sender<Out>, Receiver<In>)> {
    stream.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    Ok((Sender::start(write), Receiver::new(read)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::{sender::QUEUE, *};

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
    async fn a_peer_that_reads_nothing_holds_up_no_other_and_its_queue_has_an_end() {
        let (sender, _receiver, _theirs) = ends();
        let long = "x".repeat(MAX_FRAME / 2);
        let sent = (0..10_000).map(|_| sender.try_send(&long)).take_while(Result::is_ok).count();
        assert!((QUEUE..3 * QUEUE).contains(&sent), "{sent}");
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
