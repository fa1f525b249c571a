//! What a process inherits of its parent's signals, and must not trust.
//!
//! A parent can block a signal or ignore it, and `exec` keeps both. A primary with SIGTERM blocked
//! never stops; one with SIGCHLD ignored never learns how a worker ended, because the kernel reaps it.
//!
//! A primary that took another one's place inherits on purpose: signals wait for it, blocked, and its
//! workers are there. See [`bequest`].

use std::{env, io, os::fd::AsFd};

use nix::sys::{
    signal::{
        SigSet, SigmaskHow,
        Signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2},
    },
    stat::{SFlag, fstat},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that a primary decides about. A service manager and Ctrl-C send them to every process
/// of the group, so a worker must not end by them.
const FOR_THE_PRIMARY: [SignalKind; 5] = [
    SignalKind::terminate(),
    SignalKind::interrupt(),
    SignalKind::hangup(),
    SignalKind::user_defined1(),
    SignalKind::user_defined2(),
];

/// The variable that tells a program that it takes a primary's place, or rehearses that. What it inherits
/// comes over the socket on descriptor 0. No worker gets this variable.
pub const BEQUEST: &str = "BEQUEST";

/// What [`BEQUEST`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bequest {
    /// Say whether you could take the primary's place, and end.
    Rehearse,
    /// You are the primary now: same process, same workers.
    Take,
}

impl Bequest {
    /// The value of [`BEQUEST`].
    #[must_use]
    pub fn value(self) -> &'static str {
        match self {
            Bequest::Rehearse => "rehearse",
            Bequest::Take => "take",
        }
    }
}

/// What this program inherits of a primary. `None` in a program that was started by anything else: a
/// shell can set the variable, but it hands down no socket.
#[must_use]
pub fn bequest() -> Option<Bequest> {
    let value = env::var_os(BEQUEST)?;
    let asked = [Bequest::Rehearse, Bequest::Take].into_iter().find(|it| value == it.value())?;
    let kind = fstat(io::stdin().as_fd()).ok()?.st_mode;
    (SFlag::from_bits_truncate(kind) & SFlag::S_IFMT == SFlag::S_IFSOCK).then_some(asked)
}

/// Signals whose inherited handling is reset.
pub(crate) struct Inherited(#[expect(dead_code, reason = "held, never read")] Vec<Signal>);

impl Inherited {
    /// Resets what was inherited: SIGCHLD is handled, no signal is blocked. In a worker
    /// [`FOR_THE_PRIMARY`] have handlers before that, which do nothing. A program that takes a primary's
    /// place lets them wait until its own handlers stand, and then calls [`unblock_all`].
    pub(crate) fn reset(is_worker: bool) -> io::Result<Self> {
        let taken = if is_worker { &FOR_THE_PRIMARY[..] } else { &[] };
        let taken = taken.iter().copied().chain([SignalKind::child()]);
        let signals = taken.map(signal).collect::<io::Result<_>>()?;
        if bequest() != Some(Bequest::Take) {
            unblock_all()?;
        }
        Ok(Inherited(signals))
    }
}

/// Calls `spawn` with those signals blocked, which its child inherits: between `exec` and its own
/// handlers they wait instead of ending it.
pub(crate) fn with_signals_blocked<T>(spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let blocked: SigSet = [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2].into_iter().collect();
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let spawned = spawn();
    before.thread_set_mask()?;
    spawned
}

/// Signals reach this thread from now on; those that waited do at once.
///
/// # Errors
/// When the kernel refuses.
pub fn unblock_all() -> io::Result<()> {
    Ok(SigSet::empty().thread_set_mask()?)
}

/// From now on signals wait, blocked. They do so for the process, because no other thread of it takes any:
/// see [`run`](crate::run()).
///
/// # Errors
/// When the kernel refuses.
pub fn block_all() -> io::Result<()> {
    Ok(SigSet::all().thread_set_mask()?)
}
