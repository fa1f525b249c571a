//! The process table: who runs, and who started whom.

use std::collections::HashSet;

/// A process as the kernel lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// Who started it, or adopted it.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// Whether it has ended and only waits to be reaped.
    pub is_zombie: bool,
    /// Whether it waits for something. A process between `fork` and `exec` does not.
    pub is_asleep: bool,
}

/// Every process that can be seen. One that ends while the list is made may be missing.
#[must_use]
pub fn table() -> Vec<Process> {
    platform::table()
}

/// Every process that `root` started, and those that they started, without zombies.
#[must_use]
pub fn descendants_of(root: u32) -> Vec<Process> {
    let table = table();
    let mut family = HashSet::from([root]);
    loop {
        let before = family.len();
        family.extend(
            table.iter().filter(|p| family.contains(&p.parent)).map(|p| p.pid).collect::<Vec<_>>(),
        );
        if family.len() == before {
            break;
        }
    }
    family.remove(&root);
    table.into_iter().filter(|p| family.contains(&p.pid) && !p.is_zombie).collect()
}

/// Whether `pid` runs (a zombie does not).
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    table().iter().any(|p| p.pid == pid && !p.is_zombie)
}

/// Whether `pid` waits for something. A process between `fork` and `exec` does not: whoever stops it
/// then stops its parent too, which waits to hear whether the `exec` went well.
#[must_use]
pub fn is_asleep(pid: u32) -> bool {
    table().iter().any(|p| p.pid == pid && p.is_asleep)
}

#[cfg(target_os = "linux")]
mod platform {
    use super::Process;

    pub(super) fn table() -> Vec<Process> {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(read)
            .collect()
    }

    /// Reads `/proc/PID/stat` (man `proc_pid_stat`): the name stands in parentheses and may hold
    /// any character, so the fields are counted from the last `)`.
    fn read(pid: u32) -> Option<Process> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        Some(Process {
            pid,
            parent: fields.next()?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
            is_zombie: matches!(state, "Z" | "X"),
            is_asleep: state == "S",
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use std::process::Command;

    use super::Process;

    pub(super) fn table() -> Vec<Process> {
        let Ok(output) = Command::new("ps").args(["-A", "-o", "pid=,ppid=,pgid=,state="]).output()
        else {
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
