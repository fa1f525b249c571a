//! The process table: every process, and its parent.

use std::collections::HashSet;

use crate::family::Family;

/// A process as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The process that started it, or adopted it.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Whether it has ended and only waits to be reaped.
    pub is_zombie: bool,
    /// Whether it waits for something. A process between `fork` and `exec` does not.
    pub is_asleep: bool,
}

/// Every process that can be seen. A process that ends while the list is made may be missing.
#[must_use]
pub fn table() -> Vec<Process> {
    except(&HashSet::new())
}

/// The process `pid`, also as a zombie.
#[must_use]
pub fn process(pid: u32) -> Option<Process> {
    platform::process(pid)
}

/// The same without the processes `known`, which are not read.
pub(crate) fn except(known: &HashSet<u32>) -> Vec<Process> {
    platform::except(known)
}

/// Every process that `root` started, and those that they started, without zombies.
#[must_use]
pub fn descendants_of(root: u32) -> Vec<Process> {
    Family::of(root).members()
}

/// Whether `pid` runs (a zombie does not).
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    process(pid).is_some_and(|p| !p.is_zombie)
}

/// Whether `pid` waits for something. A process between `fork` and `exec` does not: a signal that
/// stops it then stops its parent too, which waits to hear whether the `exec` went well.
#[must_use]
pub fn is_asleep(pid: u32) -> bool {
    process(pid).is_some_and(|p| p.is_asleep)
}

#[cfg(target_os = "linux")]
mod platform {
    use std::collections::HashSet;

    use super::Process;
    use crate::Stat;

    pub(super) fn except(known: &HashSet<u32>) -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| !known.contains(pid))
            .filter_map(process)
            .collect()
    }

    pub(super) fn process(pid: u32) -> Option<Process> {
        let Stat { state, parent, group, .. } = Stat::of(pid)?;
        let is_zombie = matches!(state, 'Z' | 'X');
        Some(Process { pid, parent, group, is_zombie, is_asleep: state == 'S' })
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::{collections::HashSet, process::Command};

    use super::Process;

    pub(super) fn except(known: &HashSet<u32>) -> Vec<Process> {
        let mut all = list(&["-A"]);
        all.retain(|process| !known.contains(&process.pid));
        all
    }

    pub(super) fn process(pid: u32) -> Option<Process> {
        list(&["-p", &pid.to_string()]).pop()
    }

    fn list(which: &[&str]) -> Vec<Process> {
        let mut ps = Command::new("ps");
        let Ok(output) = ps.args(which).args(["-o", "pid=,ppid=,pgid=,state="]).output() else {
            return Vec::new();
        };
        String::from_utf8_lossy(&output.stdout).lines().filter_map(read).collect()
    }

    fn read(line: &str) -> Option<Process> {
        let mut fields = line.split_ascii_whitespace();
        let (pid, parent, group) = (fields.next()?, fields.next()?, fields.next()?);
        let state = fields.next()?;
        Some(Process {
            pid: pid.parse().ok()?,
            parent: parent.parse().ok()?,
            group: group.parse().ok()?,
            is_zombie: state.starts_with('Z'),
            is_asleep: state.starts_with(['S', 'I']),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_listed_as_ours_until_it_is_gone() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat starts");
        let me = std::process::id();
        let listed = descendants_of(me).into_iter().find(|p| p.pid == child.id());
        assert_eq!(listed.expect("the child is listed").parent, me);
        drop(child.stdin.take());
        child.wait().expect("cat ends at end of file");
        assert!(!is_alive(child.id()));
    }
}
