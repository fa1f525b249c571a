//! What a worker finds when it starts: its slot, the listener, and the channel to its primary.

use std::{
    env, fs, io,
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{fs::FileTypeExt, net::UnixStream},
    },
    sync::LazyLock,
};

use events::Slot;
use listenfd::ListenFd;
use nix::{
    libc::{AF_UNIX, SOCK_STREAM},
    unistd::getppid,
};

use crate::{
    channel::{Receiver, Sender, channel},
    spawn::{CHANNEL, CHANNEL_FILE, LISTENER, PRIMARY_PID, WORKER_ID},
};

/// This process, as a worker. `Out` is what it says to its primary, `In` what it is told.
pub struct Worker<Out, In> {
    /// The slot that it fills, from 1.
    pub slot: Slot,
    /// The socket that all workers accept from.
    pub listener: TcpListener,
    /// To the primary.
    pub sender: Sender<Out>,
    /// From the primary. Once `recv` returns an error the primary is gone, and the worker must exit.
    pub receiver: Receiver<In>,
}

/// Whether this process was started as a worker: the variables say so, and its channel is there. A
/// shell can set variables, but it hands down no channel.
///
/// A worker whose primary has died already is still a worker. It must not become a second primary.
#[must_use]
pub fn is_worker() -> bool {
    /// Decided once: later the channel may have been closed.
    static IS_WORKER: LazyLock<bool> = LazyLock::new(|| {
        let is_socket = |file: fs::Metadata| file.file_type().is_socket();
        let has_channel = || fs::metadata(CHANNEL_FILE).is_ok_and(is_socket);
        env::var_os(WORKER_ID).is_some() && env::var_os(PRIMARY_PID).is_some() && has_channel()
    });
    *IS_WORKER
}

fn has_its_primary() -> bool {
    let primary = env::var(PRIMARY_PID).ok().and_then(|pid| pid.parse().ok());
    primary == Some(getppid().as_raw())
}

/// From now on the kernel kills this worker when its primary dies, even if the worker is stopped or
/// stuck and reads no end of file. Outside Linux this does nothing.
///
/// # Errors
/// When the kernel refuses, or the primary has died already.
pub fn die_with_primary() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
    if has_its_primary() { Ok(()) } else { Err(io::Error::other("the primary is gone")) }
}

impl<Out, In> Worker<Out, In> {
    /// Takes over what the primary handed down. Call it once, inside a tokio runtime.
    ///
    /// # Errors
    /// When the variables or descriptors are missing: no primary started this process.
    pub fn inherit() -> io::Result<Self> {
        let slot = env::var(WORKER_ID).ok().and_then(|slot| slot.parse().ok());
        let slot = slot.ok_or_else(|| missing(WORKER_ID))?;
        // `ListenFd` checks the kind of each socket and makes it close-on-exec again.
        let mut inherited = ListenFd::from_env();
        let listener = inherited.take_tcp_listener(LISTENER)?;
        let stream: Option<OwnedFd> =
            inherited.take_custom(CHANNEL, AF_UNIX, SOCK_STREAM, "channel")?;
        let stream = UnixStream::from(stream.ok_or_else(|| missing("the channel"))?);
        let (sender, receiver) = channel(stream)?;
        let listener = listener.ok_or_else(|| missing("the listener"))?;
        Ok(Worker { slot, listener, sender, receiver })
    }
}

fn missing(what: &str) -> io::Error {
    io::Error::other(format!("{what} was not handed down by a primary"))
}
