//! A system under measurement is a process with two peers. It is told what to do line by line, so the
//! same bench measures Rust, Node and Python:
//!
//! ```text
//! (at its start)            PID_OF_THE_FIRST_PEER PID_OF_THE_SECOND
//! trip SIZE COUNT WINDOW    the nanoseconds that COUNT calls took, WINDOW of them open at a time
//! frozen COUNT MILLIS       what became of COUNT messages of 1 KiB to the first peer, which is frozen,
//!                           and of calls to the second, which go on for MILLIS
//! killed                    "open" with 20 calls open, then how many failed once the first peer died
//! ```

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The variable that tells a process of this bench what it is.
pub(crate) const ROLE: &str = "IPC_BENCH_ROLE";

/// A line, read by a driver.
#[derive(Clone, Copy)]
pub(crate) enum Order {
    Trip { size: usize, count: usize, window: usize },
    Frozen { count: usize, limit: Duration },
    Killed,
}

/// What a driver is told, until its stdin ends.
pub(crate) fn orders() -> impl Iterator<Item = Order> {
    io::stdin().lines().map_while(Result::ok).map_while(|line| {
        let (command, numbers) = line.split_once(' ').unwrap_or((&line, ""));
        let numbers: Vec<usize> = numbers.split(' ').flat_map(str::parse).collect();
        match (command, numbers.as_slice()) {
            ("trip", &[size, count, window]) => Some(Order::Trip { size, count, window }),
            ("frozen", &[count, millis]) => {
                Some(Order::Frozen { count, limit: Duration::from_millis(millis as u64) })
            }
            ("killed", []) => Some(Order::Killed),
            _ => None,
        }
    })
}

/// This program again, in another role.
pub(crate) fn own_process(role: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(ROLE, role);
    Ok(command)
}

/// A driver, as the bench has it.
pub(crate) struct Driver {
    child: Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<String>,
    /// The pids of its peers.
    pub(crate) peers: Vec<u32>,
}

/// How long a driver may take for what can't hang.
const LIMIT: Duration = Duration::from_mins(1);

impl Driver {
    /// Starts `command`, whose peers must be there soon.
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = child.spawn().map_err(|error| error.to_string())?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).ok_or("it has no pipes")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut driver = Driver { child, stdin, lines, peers: Vec::new() };
        let pids = driver.line(LIMIT).ok_or("it does not start")?;
        driver.peers = pids.split(' ').flat_map(str::parse).collect();
        Ok(driver)
    }

    /// Says `order`.
    pub(crate) fn tell(&mut self, order: &str) -> Result<(), String> {
        writeln!(self.stdin, "{order}").map_err(|error| error.to_string())
    }

    /// Its next line; `None` if it says nothing for `limit`.
    pub(crate) fn line(&mut self, limit: Duration) -> Option<String> {
        self.lines.recv_timeout(limit).ok()
    }

    /// The time of one of `count` calls, in nanoseconds.
    pub(crate) fn trip(&mut self, size: usize, count: u32, window: usize) -> Result<f64, String> {
        self.tell(&format!("trip {size} {count} {window}"))?;
        let nanos = self.line(LIMIT).and_then(|line| line.trim().parse::<f64>().ok());
        Ok(nanos.ok_or("it does not say how long that took")? / f64::from(count))
    }

    /// The CPU time that it and its peers have used.
    pub(crate) fn cpu(&self) -> Duration {
        let pids = [&self.peers[..], &[self.child.id()]].concat().into_iter();
        pids.filter_map(processes::Stat::of).map(|stat| stat.cpu).sum()
    }

    /// Its resident memory in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
