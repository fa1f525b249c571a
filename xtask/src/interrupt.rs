//! Ctrl-C, or a signal to the runner alone: whatever was started ends first.
//!
//! A program under test has a process group of its own, so no terminal ends it for us, and a
//! signal to the runner reaches no other process. The clean-up runs on its own thread while the main
//! thread sees its children die; it must not take that for a result ([`give_way`]).

use std::{io, os::unix::process::CommandExt, process::Command, time::Duration};

use anyhow::Context;
use processes::{is_ending, park_for_good};

use crate::{exit::Failure, scratch, terminal::note};

/// How long the processes may take to vanish after SIGKILL.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// From now on nothing outlives this process: orphans become our children, and an interrupt runs
/// `wind_down` (for what can still be asked politely), then ends all descendants.
pub(crate) fn guard(wind_down: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    processes::adopt_orphans().context("orphans can't be adopted on this system")?;
    processes::on_interrupt(move || {
        wind_down();
        end_everything();
        scratch::remove();
        note("\nStopped. Nothing that was started is left.");
    })
    .context("signal handlers can't be installed")?;
    Ok(())
}

/// Becomes `command`: it has our terminal, our process number and every signal to it. Answers only
/// if it can't be started.
pub(crate) fn become_it(command: &mut Command) -> io::Error {
    // Adopting orphans would outlive us otherwise, and is not what the program is used to.
    #[cfg(target_os = "linux")]
    if let Err(errno) = nix::sys::prctl::set_child_subreaper(false) {
        return errno.into();
    }
    command.exec()
}

/// Ends all descendants. Only for when no thread waits for a child any more, because it reaps them.
pub(crate) fn end_everything() {
    let left = processes::end_descendants(LIMIT);
    if !left.is_empty() {
        note(format!(
            "These processes do not end even by SIGKILL; the kernel holds them: {left:?}."
        ));
    }
}

/// Lets the clean-up end the process, if an interrupt is under way, instead of telling the user
/// what became of children that it killed.
///
/// After a failure of the grader (`is_suspicious`) it waits a moment for that: a terminal signals
/// everybody at once, and the child may be gone before our handler has run.
pub(crate) fn give_way(is_suspicious: bool) {
    let moment = Duration::from_millis(if is_suspicious { 300 } else { 0 });
    let interrupted = || is_ending().then_some(());
    if processes::until(moment, interrupted).is_some() {
        park_for_good();
    }
}
