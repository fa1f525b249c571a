//! A worker's process, whichever program of the primary has started it.
//!
//! The standard library's `Child` belongs to the program that called `spawn`, and a program that took a
//! primary's place has only pids. They are its children all the same. So each worker is reaped by its
//! pid: a primary looks after each SIGCHLD.

use std::io;

use events::{Exit, Pid};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal::SIGKILL, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A child of this process. Dropped before it was reaped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    pid: Option<unistd::Pid>,
    deaths: Signal,
}

impl Process {
    /// The child `pid`.
    pub(crate) fn child(pid: Pid) -> io::Result<Self> {
        let pid = i32::try_from(pid.0).ok().filter(|pid| *pid > 0);
        let pid = pid.ok_or_else(|| io::Error::other("no process has this pid"))?;
        let deaths = signal(SignalKind::child())?;
        Ok(Process { pid: Some(unistd::Pid::from_raw(pid)), deaths })
    }

    /// Waits for its end, and reaps it. Cancel safe.
    ///
    /// A process that isn't our child any more was reaped behind our back: nothing is known of its end.
    pub(crate) async fn wait(&mut self) -> Exit {
        loop {
            if let Some(exit) = self.look() {
                return exit;
            }
            // It misses no death: a SIGCHLD since the last look is remembered.
            self.deaths.recv().await;
        }
    }

    /// Reaps it if it has ended.
    fn look(&mut self) -> Option<Exit> {
        let exit = match waitpid(self.pid?, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(_, code)) => Exit::Code(code),
            Ok(WaitStatus::Signaled(_, signal, _)) => Exit::Signal(signal as i32),
            Ok(_) | Err(Errno::EINTR) => return None,
            // A real-time signal: `nix` has no name for it.
            Err(Errno::EINVAL) => Exit::Signal(0),
            Err(_) => Exit::Code(-1),
        };
        // From here on the kernel may give its pid to an unknown process.
        self.pid = None;
        Some(exit)
    }

    /// Ends it by SIGKILL.
    pub(crate) fn kill(&self) {
        if let Some(pid) = self.pid {
            // It may have ended in this moment. Until it is reaped its pid is its own.
            let _ = kill(pid, SIGKILL);
        }
    }

    /// Leaves it alone from now on: another program of this primary reaps it.
    pub(crate) fn hand_on(mut self) {
        self.pid = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
