//! A worker is this same program, started again.
//!
//! Rust can't fork a process that has threads and go on, so we re-execute our own file, by its
//! resolved path: `argv[0]` may be relative, or name another file by now.

use std::{
    env, io,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::Stdio,
};

use command_fds::{CommandFdExt, FdMapping};
use events::Slot;
use tokio::process::{Child, Command};

/// The variable that tells a process that it is a worker, and which slot it fills.
pub const WORKER_ID: &str = "WORKER_ID";

/// The descriptors that a worker inherits beside stdout and stderr, in the order in which
/// `LISTEN_FDS` announces them (man `sd_listen_fds`).
pub(crate) const LISTENER: usize = 0;
pub(crate) const CHANNEL: usize = 1;
const FIRST_FD: i32 = 3;

/// Starts a worker for `slot`, with `settings` in its environment beside our own, and returns it
/// with our end of its channel.
///
/// Every other descriptor of ours is close-on-exec. A sibling's channel that leaked into this
/// worker would hide that sibling's end from us: no end of file arrives while a process holds a
/// copy.
///
/// # Errors
/// When the process or the channel can't be made.
pub fn spawn(
    slot: Slot,
    listener: &TcpListener,
    settings: &[(&str, &str)],
) -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let inherited: [OwnedFd; 2] = [listener.try_clone()?.into(), theirs.into()];
    let child = command(slot, inherited, settings)?.spawn()?;
    // The `Command` is gone by now, and with it our copy of the worker's end. If we kept it, the
    // channel would never report end of file.
    Ok((child, ours))
}

fn command(slot: Slot, inherited: [OwnedFd; 2], settings: &[(&str, &str)]) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command
        .envs(settings.iter().copied())
        .env(WORKER_ID, slot.to_string())
        .env("LISTEN_FDS", inherited.len().to_string())
        .env_remove("LISTEN_PID")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let mappings = inherited
        .into_iter()
        .zip(FIRST_FD..)
        .map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd })
        .collect();
    command.fd_mappings(mappings).map_err(io::Error::other)?;
    Ok(command)
}
