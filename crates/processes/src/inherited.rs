//! What a process inherits of its starter's signals, and what of it must not stay.

use std::{
    fs, io,
    sync::{Arc, atomic::AtomicBool},
};

use nix::sys::signal::SigSet;
use signal_hook::{consts::SIGCHLD, flag};

/// Blocks no signal and hears of the end of children from now on, whatever was inherited. With
/// SIGCHLD ignored the kernel reaps a child itself, and how it ended is never known.
///
/// For the beginning of `main`: threads that are there already keep their own mask.
///
/// # Errors
/// When the kernel refuses.
pub fn reset_signals() -> io::Result<()> {
    SigSet::all().thread_unblock()?;
    // A handler that does nothing; a program that we start has the default again.
    flag::register(SIGCHLD, Arc::new(AtomicBool::new(false)))?;
    Ok(())
}

/// Whether this process ignores `signal`. Only Linux says so.
#[must_use]
pub fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_in_mask(&status, "SigIgn:", signal)
}

fn is_in_mask(status: &str, name: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix(name));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).contains(&signal) && mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_read_as_the_kernel_writes_it() {
        let status = "Name:\tx\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\n";
        assert!(is_in_mask(status, "SigIgn:", 1) && is_in_mask(status, "SigIgn:", 13));
        assert!(!is_in_mask(status, "SigIgn:", 2) && !is_in_mask(status, "SigBlk:", 1));
        assert!(!is_in_mask("", "SigIgn:", 1));
    }
}
