//! A process of the program that stands still for a while.

use std::time::Duration;

use processes::{Stat, until};

use super::Cluster;
use crate::{Broken, Kept, Signal, patience};

/// How long the kernel may take to stop a process.
const LIMIT: Duration = Duration::from_secs(30);

impl Cluster {
    /// Sends SIGSTOP to the process `pid`, and waits until it is stopped: what the check does from here on
    /// happens while it stands still.
    ///
    /// # Errors
    /// When it isn't a process of this program, or runs on.
    pub fn freeze(&self, pid: u32) -> Kept {
        self.signal_process(pid, Signal::SIGSTOP)?;
        let is_stopped = || Stat::of(pid).filter(|stat| stat.state == 'T');
        if until(patience(LIMIT), is_stopped).is_some() {
            return Ok(());
        }
        let observed = format!("pid {pid} runs on");
        let moment = self.recorder.observe(observed.clone());
        Err(Broken::new("a process that SIGSTOP stops", observed).at(moment))
    }

    /// Sends SIGCONT to the process `pid`: it runs again, and does not know that it stood still.
    ///
    /// # Errors
    /// When it isn't a process of this program.
    pub fn thaw(&self, pid: u32) -> Kept {
        self.signal_process(pid, Signal::SIGCONT)
    }
}
