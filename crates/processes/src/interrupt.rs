//! Being interrupted: Ctrl-C, a signal to us alone, or the end of the process that started us.
//!
//! A terminal sends SIGINT to the whole foreground group, but `kill` and a supervisor reach one
//! process only. A program under test has a group of its own, so in either case it is up to us.

use std::{io, io::Read, process::exit, thread, time::Duration};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::{spawn::begin_the_end, sweep::end_descendants};

/// How long SIGKILL may take to have its effect, after an interruption.
const SECOND_SIGNAL_LIMIT: Duration = Duration::from_secs(5);

/// Runs `clean_up` when SIGINT, SIGTERM or SIGHUP arrives, then exits with 128 + the signal's
/// number, as a shell reports a process that the signal ended. A second signal does not wait for
/// the clean-up: it ends all descendants at once.
///
/// # Errors
/// When the handlers can't be installed.
pub fn on_interrupt(clean_up: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    thread::spawn(move || {
        let mut signals = signals.forever();
        let Some(first) = signals.next() else { return };
        begin_the_end();
        thread::spawn(move || {
            clean_up();
            exit(128 + first);
        });
        if let Some(second) = signals.next() {
            let _ = end_descendants(SECOND_SIGNAL_LIMIT);
            exit(128 + second);
        }
    });
    Ok(())
}

/// Runs `clean_up` and exits with 1 when stdin reaches its end.
///
/// The process that starts us holds the other end of that pipe and never writes: its end of file means
/// that they are gone, even by SIGKILL.
pub fn when_stdin_closes(clean_up: impl FnOnce() + Send + 'static) {
    thread::spawn(move || {
        let mut byte = [0];
        while let Ok(1) = io::stdin().read(&mut byte) {}
        begin_the_end();
        clean_up();
        exit(1);
    });
}
