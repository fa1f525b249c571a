//! A lock on one byte of a file, such as another process would hold.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    libc::{self, SEEK_SET},
};
use processes::until;

use crate::patience;

/// The byte of `x.db-shm` that a process locks while it writes to the `SQLite` database `x.db` in WAL mode
/// (sqlite.org/walformat.html, `WAL_WRITE_LOCK`).
pub const SQLITE_WRITES: i64 = 120;

/// A lock that no other process has while this is there. It is gone when this process closes *any*
/// descriptor of the file (`man 2 fcntl`), so a check must not read the file meanwhile.
pub struct ByteLock(#[expect(dead_code, reason = "closing it ends the lock")] File);

impl ByteLock {
    /// Locks the byte at `offset`, as soon as no other process has it, within `limit`.
    ///
    /// # Errors
    /// When the file isn't there, or the lock does not become free.
    pub fn take(file: &Path, offset: i64, limit: Duration) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(file)?;
        let wanted = libc::flock {
            // The constants have a wider type than the field.
            l_type: i16::try_from(libc::F_WRLCK).unwrap_or_default(),
            l_whence: i16::try_from(SEEK_SET).unwrap_or_default(),
            l_start: offset,
            l_len: 1,
            l_pid: 0,
        };
        let taken = || fcntl(&file, FcntlArg::F_SETLK(&wanted)).ok();
        match until(patience(limit), taken) {
            Some(_) => Ok(ByteLock(file)),
            None => Err(io::Error::other("another process keeps the lock")),
        }
    }
}
