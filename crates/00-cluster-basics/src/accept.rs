//! A thread that waits its turn to accept.
//!
//! A tokio accept loop wakes the worker that began to wait last, so one worker gets almost all
//! long-lived connections. The kernel wakes threads that block in `accept` in turn: a thread that
//! has just taken a connection goes to the end of the queue.

use std::{
    io::{self, ErrorKind},
    net::{TcpListener, TcpStream},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, Thread},
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tokio::sync::mpsc;

use crate::{inherited::block_all, listener::ACCEPT_INTERVAL};

/// How long [`Acceptor::stop`] waits for handshakes that are under way: more than a round trip, even
/// to a client far away.
const HANDSHAKE: Duration = Duration::from_millis(150);

/// Connections that [`Acceptor::stop`] may still take out of the kernel's queue: no queue is
/// longer than this, and a flood must not keep us from stopping.
const LAST_CALL: usize = 4096;

/// Accepts connections on a thread of its own.
///
/// It is never more than one connection ahead of the event loop that serves them: connections that
/// a stuck loop can't take stay in the kernel's queue, for another worker.
pub struct Acceptor {
    connections: mpsc::Receiver<TcpStream>,
    is_stopping: Arc<AtomicBool>,
    thread: Thread,
}

impl Acceptor {
    /// Starts to accept from `listener`.
    #[must_use]
    pub fn start(listener: TcpListener) -> Self {
        let (accepted, connections) = mpsc::channel(1);
        let is_stopping = Arc::new(AtomicBool::new(false));
        let flag = is_stopping.clone();
        let thread = thread::spawn(move || {
            // Without it this thread takes signals, and nothing else is wrong.
            let _ = block_all();
            accept_until(&flag, listener, &accepted);
        });
        Acceptor { connections, is_stopping, thread: thread.thread().clone() }
    }

    /// The next connection. `None` once accepting was stopped, every accepted connection was
    /// handed out, and our copy of the listener is closed.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<tokio::net::TcpStream> {
        loop {
            let stream = self.connections.recv().await?;
            // A client that has left already must not end this loop: other clients wait.
            if let Ok(stream) = into_tokio(stream) {
                return Some(stream);
            }
        }
    }

    /// Accepts what waits in the kernel's queue, and for a moment what completes its handshake, then no
    /// more. Takes effect within 200 ms while descriptors are free. Go on calling [`Self::next`] until
    /// it returns `None`.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn into_tokio(stream: TcpStream) -> io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}

fn accept_until(
    is_stopping: &AtomicBool,
    listener: TcpListener,
    accepted: &mpsc::Sender<TcpStream>,
) {
    while !is_stopping.load(Ordering::Acquire) {
        match accept(&listener) {
            Ok(stream) => {
                if accepted.blocking_send(stream).is_err() {
                    return;
                }
            }
            Err(error) if is_routine(&error) => {}
            // Out of descriptors, most likely: asking again at once would only burn CPU.
            Err(_) => thread::park_timeout(ACCEPT_INTERVAL),
        }
    }
    // The kernel has completed these handshakes, and the clients may have sent their requests.
    // The last close of the listener resets the connections that are still in the queue.
    let until = Instant::now() + HANDSHAKE;
    for _ in 0..LAST_CALL {
        let left = until.saturating_duration_since(Instant::now());
        if !is_readable(&listener, PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO)) {
            break;
        }
        match accept(&listener) {
            Ok(stream) => {
                if accepted.blocking_send(stream).is_err() {
                    return;
                }
            }
            Err(error) if is_routine(&error) => {}
            // A descriptor becomes free when another connection closes.
            Err(_) => thread::park_timeout(ACCEPT_INTERVAL),
        }
    }
    drop(listener);
}

/// Blocks until a connection comes, [`ACCEPT_INTERVAL`] at most.
#[cfg(target_os = "linux")]
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    Ok(listener.accept()?.0)
}

#[cfg(not(target_os = "linux"))]
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    is_readable(listener, PollTimeout::from(50u8));
    let (stream, _) = listener.accept()?;
    Ok(stream)
}

/// No client came in time, or the client has left again.
fn is_routine(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), ConnectionAborted | Interrupted | TimedOut | WouldBlock)
}

fn is_readable(listener: &TcpListener, timeout: PollTimeout) -> bool {
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    loop {
        match poll(&mut fds, timeout) {
            // The kernel never goes on with a `poll` after a signal (man `signal(7)`).
            Err(Errno::EINTR) => {}
            polled => return matches!(polled, Ok(1..)),
        }
    }
}
