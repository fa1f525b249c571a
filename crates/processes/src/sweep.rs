//! Ending everything that we started.

use std::{io, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use crate::{Stat, descendants_of, until};

/// From now on a process whose parent died becomes our child, so that it can be found and ended.
///
/// # Errors
/// When the kernel refuses `PR_SET_CHILD_SUBREAPER`. Outside Linux this does nothing.
pub fn adopt_orphans() -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_child_subreaper(true)?;
    Ok(())
}

/// Kills and reaps every descendant of this process and waits until they are gone; returns
/// those that were not within `limit` (stuck in the kernel, most likely).
///
/// SIGKILL at once: a process that can be asked politely was asked before. The list is made anew
/// until it is empty, because a process can fork while it is being killed.
#[must_use]
pub fn end_descendants(limit: Duration) -> Vec<u32> {
    let me = std::process::id();
    let mut left = Vec::new();
    until(limit, || {
        left = descendants_of(me).into_iter().map(|process| process.pid).collect();
        for &pid in &left {
            // ESRCH: it ended by itself since the list was made.
            let _ = kill(as_pid(pid), Signal::SIGKILL);
        }
        reap_adopted();
        left.is_empty().then_some(())
    });
    left
}

/// Stops every descendant that isn't stopped already, and returns them for [`thaw`].
#[must_use]
pub fn freeze_descendants() -> Vec<u32> {
    let me = std::process::id();
    let mut frozen = Vec::new();
    loop {
        let running = descendants_of(me).into_iter().map(|process| process.pid);
        let running: Vec<u32> =
            running.filter(|pid| !frozen.contains(pid) && !is_stopped(*pid)).collect();
        // The list is made anew until it is empty: a process can fork before it stops.
        if running.is_empty() {
            return frozen;
        }
        for pid in running {
            let _ = kill(as_pid(pid), Signal::SIGSTOP);
            frozen.push(pid);
        }
    }
}

/// Lets the processes `frozen` run on.
pub fn thaw(frozen: &[u32]) {
    let me = std::process::id();
    for process in descendants_of(me).iter().filter(|process| frozen.contains(&process.pid)) {
        let _ = kill(as_pid(process.pid), Signal::SIGCONT);
    }
}

fn is_stopped(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.state == 'T')
}

/// Reaps every child that has ended, adopted ones included.
fn reap_adopted() {
    while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
        if status.pid().is_none() {
            break;
        }
    }
}

/// Sends `signal` to the process `pid`.
///
/// # Errors
/// `ESRCH` when it is gone; a zombie still takes signals.
pub fn send(pid: u32, signal: Signal) -> Result<(), Errno> {
    kill(as_pid(pid), signal)
}

/// Sends `signal` to each process of the group `group`.
///
/// # Errors
/// `ESRCH` when the group is empty.
pub fn send_to_group(group: u32, signal: Signal) -> Result<(), Errno> {
    nix::sys::signal::killpg(as_pid(group), signal)
}

fn as_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).expect("the kernel's process numbers fit in 31 bits"))
}
