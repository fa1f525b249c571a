//! A channel that changes hands: from one program of the primary to the next.

use std::{io, os::unix::net::UnixStream as StdUnixStream};

use tokio::net::UnixStream;

use super::{Receiver, Sender, writer::WriterTask};

/// A channel at a standstill.
#[derive(Debug)]
pub struct ChannelHandover {
    /// The socket.
    pub stream: StdUnixStream,
    /// Bytes that were read from it and make no whole message.
    pub unread: Vec<u8>,
    /// Bytes that the peer still has to get, before anything else.
    pub unwritten: Vec<u8>,
}

impl ChannelHandover {
    /// A channel on which nothing was said yet.
    #[must_use]
    pub fn fresh(stream: StdUnixStream) -> Self {
        ChannelHandover { stream, unread: Vec::new(), unwritten: Vec::new() }
    }
}

/// Both halves of a channel, and the task that writes.
pub(crate) struct Ends<Out, In> {
    pub(crate) sender: Sender<Out>,
    pub(crate) receiver: Receiver<In>,
    pub(crate) writer: WriterTask,
}

/// Goes on where `handover` stands.
pub(crate) fn open<Out, In>(handover: ChannelHandover) -> io::Result<Ends<Out, In>> {
    let ChannelHandover { stream, unread, unwritten } = handover;
    stream.set_nonblocking(true)?;
    let (read, write) = UnixStream::from_std(stream)?.into_split();
    let (sender, writer) = Sender::start(write, &unwritten);
    Ok(Ends { sender, receiver: Receiver::new(read, &unread), writer })
}

impl<Out, In> Ends<Out, In> {
    /// Brings the channel to a standstill. It waits for no peer.
    #[cfg(test)]
    pub(crate) async fn stop(self) -> io::Result<ChannelHandover> {
        stop(self.receiver, self.writer).await
    }
}

/// The same, when the halves have gone different ways.
pub(crate) async fn stop<In>(
    receiver: Receiver<In>,
    writer: WriterTask,
) -> io::Result<ChannelHandover> {
    let (write, unwritten) = writer.stop().await?;
    let (read, unread) = receiver.into_parts();
    let stream = read.reunite(write).map_err(io::Error::other)?.into_std()?;
    Ok(ChannelHandover { stream, unread, unwritten })
}
