//! Starting a process, unless everything is being ended.
//!
//! A clean-up lists our descendants and kills them. A process that another thread is starting at
//! that very moment is not on the list yet, and would outlive us. So starting takes a lock, and
//! the clean-up closes it first.

use std::{
    io,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{PoisonError, RwLock},
    thread,
};

/// Whether the end has begun; held for reading while a process is being started.
static IS_ENDING: RwLock<bool> = RwLock::new(false);

/// Starts `command`. Once the clean-up after an interruption has begun, it never returns: the
/// process is about to end.
///
/// # Errors
/// When the program can't be started.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    let is_ending = IS_ENDING.read().unwrap_or_else(PoisonError::into_inner);
    if *is_ending {
        drop(is_ending);
        park_for_good();
    }
    command.spawn()
}

/// Makes `command` start a guard: a process that ends what it started when its stdin closes. It gets a
/// process group of its own, because a signal to the job (SIGQUIT, `kill -9 %1`) must not end it first.
pub fn guard_of_its_own(command: &mut Command) -> &mut Command {
    command.process_group(0).stdin(Stdio::piped())
}

/// Whether the clean-up after an interruption has begun.
#[must_use]
pub fn is_ending() -> bool {
    *IS_ENDING.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for the clean-up to end this process.
pub fn park_for_good() -> ! {
    loop {
        thread::park();
    }
}

/// From now on nothing is started; whatever was being started has been.
pub(crate) fn begin_the_end() {
    *IS_ENDING.write().unwrap_or_else(PoisonError::into_inner) = true;
}
