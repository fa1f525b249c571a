//! What a process uses, seen from outside: the process need not be asked, and can't lie or hang.
//!
//! From `/proc` (man `proc_pid_stat`, `proc_pid_statm`, and the kernel's `sched-stats.rst`), so on
//! Linux alone; elsewhere nothing is known, and no limit is enforced.

use std::{fs, time::Duration};

use events::Pid;
use nix::unistd::{SysconfVar, sysconf};
use processes::Stat;
use serde::Serialize;

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResourceUsage {
    /// Memory that is really there: the resident set size.
    pub rss_bytes: u64,
    /// Time that a core has worked for it since its start.
    #[serde(skip)]
    pub cpu: Duration,
    /// Time for which its first thread, the event loop, was ready to run and had no core.
    #[serde(skip)]
    pub starved: Duration,
    /// Descriptors that are open: files, sockets, pipes.
    pub open_files: u64,
}

impl ResourceUsage {
    /// Those of the process `pid`; `None` when it is gone.
    #[must_use]
    pub fn of(pid: Pid) -> Option<Self> {
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
        let stat = Stat::of(pid.0)?;
        let resident: u64 = statm.split(' ').nth(1)?.parse().ok()?;
        // Some kernels don't keep this figure. Without it a worker gets no starvation allowance.
        let starved = processes::starved(pid.0).unwrap_or_default();
        let open_files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        Some(ResourceUsage {
            rss_bytes: resident * limit(SysconfVar::PAGE_SIZE)?,
            cpu: stat.cpu,
            starved,
            open_files: u64::try_from(open_files).ok()?,
        })
    }
}

fn limit(name: SysconfVar) -> Option<u64> {
    u64::try_from(sysconf(name).ok()??).ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_usage_makes_sense_and_that_of_no_process_is_none() {
        let usage = ResourceUsage::of(Pid::own()).expect("we are alive");
        assert!((1 << 20..1 << 32).contains(&usage.rss_bytes), "{usage:?}");
        assert!((3..1000).contains(&usage.open_files), "{usage:?}");
        assert_eq!(ResourceUsage::of(Pid(u32::MAX)), None);
    }
}
