//! Being interrupted: Ctrl-C, a signal to us alone, or the end of the process that started us.
//!
//! A terminal signals the whole foreground group, but `kill` and a supervisor reach one process
//! only. A program under test has a group of its own, and so has its guard, or the guard would die
//! with the job (Ctrl-\, `kill -9 %1`) and leave it behind. So in either case it is up to us.

use std::{
    io::{self, Read},
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use nix::sys::signal::Signal;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP},
    flag,
    iterator::Signals,
};

use crate::{
    inherited::is_ignored,
    spawn::begin_the_end,
    sweep::{end_descendants, freeze_descendants, thaw},
};

/// How long SIGKILL may take to have its effect, after an interruption.
const SECOND_SIGNAL_LIMIT: Duration = Duration::from_secs(5);

/// Runs `clean_up` when SIGINT, SIGQUIT, SIGTERM or SIGHUP arrives, then exits with 128 + the
/// signal's number, as a shell reports a process that the signal ended. A second signal does not
/// wait for the clean-up: it ends all descendants at once.
///
/// SIGHUP stays ignored if it was, as `nohup` wants it.
///
/// # Errors
/// When the handlers can't be installed.
pub fn on_interrupt(clean_up: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGQUIT, SIGTERM])?;
    if !is_ignored(SIGHUP) {
        signals.add_signal(SIGHUP)?;
    }
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

/// On Ctrl-Z every descendant stops before this process does, and runs on after it: whatever they
/// show or measure stands still meanwhile. The flag says whether that ever happened.
///
/// # Errors
/// When the handler can't be installed.
pub fn suspend_together() -> io::Result<Arc<AtomicBool>> {
    let mut signals = Signals::new([SIGTSTP])?;
    let has_happened = Arc::new(AtomicBool::new(false));
    let flag = has_happened.clone();
    thread::spawn(move || {
        for _ in signals.forever() {
            flag.store(true, Ordering::Relaxed);
            let frozen = freeze_descendants();
            let _ = nix::sys::signal::raise(Signal::SIGSTOP);
            thaw(&frozen);
        }
    });
    Ok(has_happened)
}

/// From now on SIGINT and SIGQUIT are up to the program in the foreground beside us, such as a pager.
///
/// # Errors
/// When the handlers can't be installed.
pub fn leave_to_foreground() -> io::Result<()> {
    for signal in [SIGINT, SIGQUIT] {
        flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
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
