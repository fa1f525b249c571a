//! What the kernel says of one process: `/proc/PID/stat` (man `proc_pid_stat`). Linux alone has it.

use std::{
    fs::{self, File},
    io::Read,
    time::Duration,
};

/// The file has 52 fields of at most 20 digits, and a name of at most 64 bytes.
const LONGEST: usize = 1200;

/// Clock ticks a second, as Linux counts them for every program (man `sysconf`, `_SC_CLK_TCK`).
const TICKS: u64 = 100;

/// The fields that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// `R` runs, `S` waits, `T` is stopped, `Z` is a zombie.
    pub state: char,
    /// The process that started it, or adopted it.
    pub parent: u32,
    /// Its process group.
    pub group: u32,
    /// CPU time of all its threads.
    pub cpu: Duration,
    /// CPU time of its children that ended and were reaped.
    pub reaped_cpu: Duration,
}

impl Stat {
    /// Those of the process `pid`, with one system call for the text; `None` when it is gone.
    #[must_use]
    pub fn of(pid: u32) -> Option<Self> {
        let mut text = [0; LONGEST];
        let length = File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut text).ok()?;
        Stat::parse(&String::from_utf8_lossy(&text[..length]))
    }

    fn parse(text: &str) -> Option<Self> {
        // The name stands in parentheses and may hold any character: count from the last `)`.
        let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        let mut ticks = fields.skip(8).map_while(|field| field.parse::<u64>().ok());
        let mut time =
            || Some(Duration::from_millis((ticks.next()? + ticks.next()?) * 1000 / TICKS));
        Some(Stat { state, parent, group, cpu: time()?, reaped_cpu: time()? })
    }
}

/// The processes that `pid` started itself and that it has not reaped, without a look at any other process
/// (man `proc_pid_task`). Empty where the kernel does not list them.
#[must_use]
pub fn children_of(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let pids =
        |list: String| list.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>();
    lists.flat_map(pids).collect()
}

/// Where the code of the process `pid` begins and ends, and where its stack begins (fields 26 to 28 of the
/// same file). A child has the addresses of its parent until it executes a program, also the same one
/// again. `None` when the process is gone, or the kernel does not say.
#[must_use]
pub fn layout(pid: u32) -> Option<[u64; 3]> {
    layout_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn layout_in(text: &str) -> Option<[u64; 3]> {
    let fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    // The first field after the name is the third of the line.
    let mut fields = fields.skip(23).map_while(|field| field.parse().ok());
    let layout = [fields.next()?, fields.next()?, fields.next()?];
    // In the middle of an `exec` they aren't known yet.
    layout.iter().all(|address| *address > 0).then_some(layout)
}

/// For how long the first thread of the process `pid` was ready to run and had no core, since it
/// began (man `proc_pid_schedstat`). The kernel adds a wait when it ends. `None` when the process is
/// gone, or the kernel does not count it.
#[must_use]
pub fn starved(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?;
    Some(Duration::from_nanos(text.split(' ').nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_spaces_and_parentheses() {
        let line = "42 (a ) b) S 7 42 42 0 -1 4194304 1 2 3 4 250 50 30 20 20 0 1 0 99 1000 50 9";
        let stat = Stat::parse(line).expect("a line of the kernel's");
        assert_eq!((stat.state, stat.parent, stat.group), ('S', 7, 42));
        assert_eq!(stat.cpu, Duration::from_secs(3));
        assert_eq!(stat.reaped_cpu, Duration::from_millis(500));
    }

    #[test]
    fn the_layout_is_three_fields_and_is_unknown_in_the_middle_of_an_exec() {
        let line = |stack: u64| format!("42 (a ) b) S {} 26 27 {stack} 29", "1 ".repeat(22).trim());
        assert_eq!(layout_in(&line(28)), Some([26, 27, 28]));
        assert_eq!(layout_in(&line(0)), None);
    }
}
