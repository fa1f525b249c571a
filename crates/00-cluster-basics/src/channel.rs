//! Typed messages between a primary and a worker.
//!
//! A stream socket has no message boundaries, so each message is a frame: its length in four
//! bytes, then JSON. Guide 05 builds calls, queues and broadcasts on top of this.
//!
//! A task of its own writes what is sent, from a bounded queue. So a primary never waits for a
//! worker that reads nothing: [`Sender::try_send`] says that its queue is full.

mod frames;
mod handover;
mod receiver;
mod sender;
mod writer;

use std::{io, os::unix::net::UnixStream as StdUnixStream};

pub use self::{
    frames::{Frames, READ},
    handover::ChannelHandover,
    receiver::{ReceiveError, Receiver},
    sender::{SendError, Sender, frame},
};
pub(crate) use self::{
    handover::{Ends, open, stop},
    writer::WriterTask,
};

/// The longest message in bytes; more is a bug, or not our protocol. A text of 16 KiB fits, though
/// JSON may write each of its bytes as six.
pub const MAX_FRAME: usize = 128 * 1024;

/// Makes a channel of one end of a socket pair. Call it inside a tokio runtime.
///
/// # Errors
/// When the runtime can't take the socket over.
pub fn channel<Out, In>(stream: StdUnixStream) -> io::Result<(Sender<Out>, Receiver<In>)> {
    let Ends { sender, receiver, .. } = open(ChannelHandover::fresh(stream))?;
    Ok((sender, receiver))
}

#[cfg(test)]
mod tests {
    use std::{io::Write, time::Duration};

    use tokio::time::timeout;

    use super::{sender::QUEUE, *};

    type Pair = (Sender<String>, Receiver<String>, StdUnixStream);

    fn ends() -> Pair {
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

    /// Half of what each side had to say is on its way when the channel changes hands.
    #[tokio::test]
    async fn a_channel_that_is_handed_on_loses_no_byte_of_either_direction() {
        let (ours, theirs) = StdUnixStream::pair().expect("a socket pair");
        let mut ends: Ends<String, String> = open(ChannelHandover::fresh(ours)).expect("a runtime");
        let long = "x".repeat(MAX_FRAME / 2);
        let sent = (0..10_000).take_while(|_| ends.sender.try_send(&long).is_ok()).count();
        let mut peer = theirs.try_clone().expect("a descriptor");
        peer.write_all(b"\0\0\0\x04\"o").expect("there is room");
        let early = timeout(Duration::from_millis(10), ends.receiver.recv()).await;
        assert!(early.is_err(), "{early:?}");

        let handover = ends.stop().await.expect("both ends");
        assert_eq!(handover.unread, b"\0\0\0\x04\"o");
        assert!(!handover.unwritten.is_empty());
        let Ends { sender, mut receiver, .. }: Ends<String, String> =
            open(handover).expect("a runtime");
        peer.write_all(b"k\"").expect("there is room");
        assert_eq!(receiver.recv().await.expect("a message"), "ok");
        drop(sender);
        let (_sender, mut received) = channel::<String, String>(theirs).expect("a runtime");
        for number in 0..sent {
            assert_eq!(received.recv().await.expect("a message"), long, "message {number}");
        }
    }

    #[tokio::test]
    async fn a_sender_learns_that_its_peer_is_gone() {
        let (sender, _receiver, theirs) = ends();
        drop(theirs);
        assert!(matches!(sender.send(&"hello".to_owned()).await, Err(SendError::Closed)));
    }
}
