//! Ending everything that we started.

use std::{
    collections::{BTreeSet, HashSet},
    io,
    time::Duration,
};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{Pid, getpgrp},
};

use crate::{Family, Process, Stat, descendants_of, family::descent, table, until};

/// Looks in a row: a process that was killed is gone within a few.
const LOOKS: usize = 20;

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
/// A process that can be asked politely was asked before. Each is stopped before one is killed, or
/// a process could start another one in the place of the one that was killed.
#[must_use]
pub fn end_descendants(limit: Duration) -> Vec<u32> {
    let mut ours = Family::of(std::process::id());
    stop_all(&mut ours);
    let mut left = Vec::new();
    until(limit, || {
        // Without a pause: a process may be gone a moment after it was listed, and another one there.
        for _ in 0..LOOKS {
            left = ours.with_zombies();
            send_to_all(&left, Signal::SIGKILL);
            // After the look, so that whatever lived while it was made is in it, perhaps as a zombie.
            // So an empty look proves that no process is left, however fast they fork.
            reap_adopted();
            if left.is_empty() {
                return Some(());
            }
        }
        None
    });
    left.into_iter().map(|process| process.pid).collect()
}

/// Looks until each process has stopped. A process that has not after some looks waits for a child
/// to `exec`, or forks too fast.
fn stop_all(ours: &mut Family) {
    for _ in 0..LOOKS {
        let mut running = ours.members();
        running.retain(|process| !is_stopped(process.pid));
        if running.is_empty() {
            return;
        }
        send_to_all(&running, Signal::SIGSTOP);
    }
}

/// Sends `signal` to all of `ours`, zombies included: a zombie may have a thread that runs.
///
/// First to their groups. The kernel lets no process of a group fork past a signal to the group, and
/// what only forks stays in its group.
fn send_to_all(ours: &[Process], signal: Signal) {
    if ours.is_empty() {
        return;
    }
    for group in groups_of_ours() {
        let _ = send_to_group(group, signal);
    }
    // The newest first: it may be the only one that lives. ESRCH: it has ended since the look.
    for process in ours.iter().rev() {
        let _ = send(process.pid, signal);
    }
}

/// The groups whose members all descend from this process.
fn groups_of_ours() -> BTreeSet<u32> {
    let table = table();
    let family = descent(&table, HashSet::from([std::process::id()]));
    let (mut ours, mut others) =
        (BTreeSet::new(), BTreeSet::from([getpgrp().as_raw().unsigned_abs()]));
    for process in &table {
        let groups = if family.contains(&process.pid) { &mut ours } else { &mut others };
        groups.insert(process.group);
    }
    ours.difference(&others).copied().collect()
}

/// Stops every descendant that isn't stopped already, and returns them for [`thaw`].
#[must_use]
pub fn freeze_descendants() -> Vec<u32> {
    let me = std::process::id();
    let mut frozen = Vec::new();
    // The list is made anew until it is empty: a process can fork before it stops.
    for _ in 0..LOOKS {
        let running = descendants_of(me).into_iter().map(|process| process.pid);
        let running: Vec<u32> =
            running.filter(|pid| !frozen.contains(pid) && !is_stopped(*pid)).collect();
        if running.is_empty() {
            break;
        }
        for pid in running {
            let _ = send(pid, Signal::SIGSTOP);
            frozen.push(pid);
        }
    }
    frozen
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
