//! The task that writes to a peer, and how it is stopped between two bytes.

use std::{io, sync::Arc, time::Duration};

use bytes::{BufMut, Bytes, BytesMut};
use tokio::{
    io::AsyncWriteExt,
    net::unix::OwnedWriteHalf,
    sync::{Notify, mpsc, oneshot},
    task::JoinHandle,
    time::sleep,
};

use super::sender::QUEUE;

/// What waits in the queue, and where to report that it was written.
pub(super) struct Outgoing {
    pub(super) what: What,
    pub(super) written: Option<oneshot::Sender<()>>,
}

pub(super) enum What {
    /// A message, whose length is written before it.
    Json(Bytes),
    /// Bytes as they are, with a pause after each piece; without any, the end.
    Raw(Vec<(Bytes, Duration)>),
}

/// Writes what comes until the peer is gone; then the queue is closed, and senders learn of it.
pub(super) struct Writer {
    stream: OwnedWriteHalf,
    outgoing: mpsc::Receiver<Outgoing>,
    /// What was taken from the queue, the oldest last.
    batch: Vec<Outgoing>,
    /// Bytes of frames that the kernel has not taken yet.
    unwritten: BytesMut,
    /// Where to report that they were written.
    reports: Vec<oneshot::Sender<()>>,
}

/// A writer at work.
pub(crate) struct WriterTask {
    stop: Arc<Notify>,
    task: JoinHandle<(OwnedWriteHalf, Vec<u8>)>,
}

impl WriterTask {
    /// Stops it, and returns the socket with the bytes that its peer still has to get. It waits for no
    /// peer: one that reads nothing has a full socket.
    pub(super) async fn stop(self) -> io::Result<(OwnedWriteHalf, Vec<u8>)> {
        self.stop.notify_one();
        self.task.await.map_err(io::Error::other)
    }
}

impl Writer {
    pub(super) fn new(
        stream: OwnedWriteHalf,
        outgoing: mpsc::Receiver<Outgoing>,
        unwritten: &[u8],
    ) -> Self {
        let (batch, reports) = (Vec::new(), Vec::new());
        Writer { stream, outgoing, batch, unwritten: unwritten.into(), reports }
    }

    pub(super) fn start(self) -> WriterTask {
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(self.run(stop.clone()));
        WriterTask { stop, task }
    }

    async fn run(mut self, stop: Arc<Notify>) -> (OwnedWriteHalf, Vec<u8>) {
        tokio::select! {
            biased;
            () = stop.notified() => {}
            // An error means that the peer is gone.
            _ = self.write_all() => {}
        }
        self.stopped()
    }

    /// Cancelled, it has kept what it had not written.
    async fn write_all(&mut self) -> io::Result<()> {
        self.write_frames().await?;
        // All that is ready goes out in one write, and nothing waits for a batch to fill.
        while self.outgoing.recv_many(&mut self.batch, QUEUE).await > 0 {
            self.batch.reverse();
            self.write_batch().await?;
        }
        Ok(())
    }

    async fn write_batch(&mut self) -> io::Result<()> {
        while let Some(Outgoing { what, written }) = self.batch.pop() {
            match what {
                What::Json(json) => put_frame(&mut self.unwritten, &json),
                What::Raw(pieces) => {
                    self.write_frames().await?;
                    write_raw(&mut self.stream, pieces).await?;
                }
            }
            self.reports.extend(written);
        }
        self.write_frames().await?;
        for report in self.reports.drain(..) {
            // The sender may not wait for this any more.
            let _ = report.send(());
        }
        Ok(())
    }

    async fn write_frames(&mut self) -> io::Result<()> {
        while !self.unwritten.is_empty() {
            // It takes from the buffer what the kernel has taken.
            self.stream.write_buf(&mut self.unwritten).await?;
        }
        Ok(())
    }

    fn stopped(mut self) -> (OwnedWriteHalf, Vec<u8>) {
        self.outgoing.close();
        let taken = std::mem::take(&mut self.batch).into_iter().rev();
        let waiting = std::iter::from_fn(|| self.outgoing.try_recv().ok());
        for Outgoing { what, .. } in taken.chain(waiting) {
            // Bytes as they are come from a test alone.
            if let What::Json(json) = what {
                put_frame(&mut self.unwritten, &json);
            }
        }
        (self.stream, self.unwritten.into())
    }
}

/// The length of a frame in four bytes, then the frame.
pub(super) fn put_frame(buffer: &mut BytesMut, json: &[u8]) {
    // It fits: a frame has at most `MAX_FRAME` bytes.
    buffer.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    buffer.put_slice(json);
}

async fn write_raw(stream: &mut OwnedWriteHalf, pieces: Vec<(Bytes, Duration)>) -> io::Result<()> {
    if pieces.is_empty() {
        stream.shutdown().await?;
    }
    for (bytes, pause) in pieces {
        stream.write_all(&bytes).await?;
        sleep(pause).await;
    }
    Ok(())
}
