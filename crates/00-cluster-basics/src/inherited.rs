//! What a process inherits of its parent's signals, and must not trust.
//!
//! A parent can block a signal or ignore it, and `exec` keeps both. A primary with SIGTERM blocked
//! never stops; one with SIGCHLD ignored never learns how a worker ended, because the kernel reaps it.

use std::io;

use nix::sys::signal::{
    SigSet, SigmaskHow,
    Signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR2},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a primary decides about. A service manager and Ctrl-C send them to every process
/// of the group, so a worker must not end by them.
const FOR_THE_PRIMARY: [SignalKind; 4] = [
    SignalKind::terminate(),
    SignalKind::interrupt(),
    SignalKind::hangup(),
    SignalKind::user_defined2(),
];

/// Signals whose inherited handling is reset.
pub(crate) struct Inherited(#[expect(dead_code, reason = "held, never read")] Vec<Signal>);

impl Inherited {
    /// Resets what was inherited: SIGCHLD is handled, no signal is blocked. In a worker
    /// [`FOR_THE_PRIMARY`] have handlers before that, which do nothing.
    pub(crate) fn reset(is_worker: bool) -> io::Result<Self> {
        let taken = if is_worker { &FOR_THE_PRIMARY[..] } else { &[] };
        let taken = taken.iter().copied().chain([SignalKind::child()]);
        let signals = taken.map(signal).collect::<io::Result<_>>()?;
        SigSet::empty().thread_set_mask()?;
        Ok(Inherited(signals))
    }
}

/// Calls `spawn` with those signals blocked, which its child inherits: between `exec` and its own
/// handlers they wait instead of ending it.
pub(crate) fn with_signals_blocked<T>(spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let blocked: SigSet = [SIGTERM, SIGINT, SIGHUP, SIGUSR2].into_iter().collect();
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let spawned = spawn();
    before.thread_set_mask()?;
    spawned
}
