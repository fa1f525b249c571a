//! A worker is this same program, started again.
//!
//! Rust can't fork a process that has threads and go on, so we execute our own program again. On
//! Linux `/proc/self/exe` is that program even after a deploy has replaced its file. A path is not:
//! `argv[0]` may be relative, or name another file by now.

use std::{
    env, io,
    net::TcpListener,
    os::{
        fd::OwnedFd,
        unix::{net::UnixStream, process::CommandExt},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use command_fds::{CommandFdExt, FdMapping};
use events::{Pid, Slot};

use crate::inherited::{BEQUEST, with_signals_blocked};

/// The variable that tells a process that it is a worker, and which slot it fills.
pub const WORKER_ID: &str = "WORKER_ID";

/// The variable that tells a worker which process started it. [`WORKER_ID`] alone may come from a
/// shell.
pub(crate) const PRIMARY_PID: &str = "PRIMARY_PID";

/// The descriptors that a worker inherits beside stdout and stderr, in the order in which
/// `LISTEN_FDS` announces them (man `sd_listen_fds`).
pub(crate) const LISTENER: usize = 0;
pub(crate) const CHANNEL: usize = 1;
const FIRST_FD: i32 = 3;
/// The descriptor of the channel, as a file.
pub(crate) const CHANNEL_FILE: &str = "/dev/fd/4";

/// Starts `program` as a worker for `slot`, with `settings` in its environment beside our own, and
/// returns its pid with our end of its channel. The caller has to reap the pid.
///
/// Every other descriptor of ours is close-on-exec. A sibling's channel that leaked into this
/// worker would hide that sibling's end from us: no end of file arrives while a process holds a
/// copy.
///
/// # Errors
/// When the process or the channel can't be made.
pub(crate) fn spawn(
    program: &Path,
    slot: Slot,
    listener: &TcpListener,
    settings: &[(&str, &str)],
) -> io::Result<(Pid, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let inherited: [OwnedFd; 2] = [listener.try_clone()?.into(), theirs.into()];
    let mut command = command(program, slot, inherited, settings)?;
    let child = with_signals_blocked(|| command.spawn())?;
    drop(command);
    // With the command our copy of the worker's end is closed. If we kept it, the channel would never
    // report end of file.
    Ok((Pid(child.id()), ours))
}

fn command(
    program: &Path,
    slot: Slot,
    inherited: [OwnedFd; 2],
    settings: &[(&str, &str)],
) -> io::Result<Command> {
    let mut command = Command::new(program);
    if let Some(name) = env::args_os().next() {
        command.arg0(name);
    }
    command
        .envs(settings.iter().copied())
        .env(WORKER_ID, slot.to_string())
        .env(PRIMARY_PID, std::process::id().to_string())
        .env("LISTEN_FDS", inherited.len().to_string())
        .env_remove("LISTEN_PID")
        .env_remove(BEQUEST)
        .stdin(Stdio::null());
    let mappings = inherited
        .into_iter()
        .zip(FIRST_FD..)
        .map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd })
        .collect();
    command.fd_mappings(mappings).map_err(io::Error::other)?;
    Ok(command)
}

#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
pub(crate) fn own_program() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/proc/self/exe"))
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn own_program() -> io::Result<PathBuf> {
    env::current_exe()
}
