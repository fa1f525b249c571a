//! The program under test, running: in a process group of its own, heard on stdout and stderr.

mod cpu;
mod frozen;
mod listening;
mod refusal;
mod witness;

use std::{
    net::SocketAddr,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use events::Exit;
use nix::sys::signal::Signal;
use processes::{Family, Process, sweep, until};

pub(crate) use self::witness::ENDED;
use self::{
    cpu::CpuWatch,
    listening::Start,
    witness::{pump, watch},
};
use crate::{
    broken::{Broken, Kept},
    exchange::{self, Pending},
    patience,
    recorder::{Moment, Recorder},
    wire::{Connection, Failure},
};

/// What is recorded when the check has seen enough: whatever follows is our own doing.
pub(crate) const THE_END: &str = "the check has seen enough, and ends the program";
/// How long a program may take to say that it listens.
const START_LIMIT: Duration = Duration::from_secs(15);
/// How long a silent connection is waited for, unless a promise says otherwise.
pub const READ_LIMIT: Duration = Duration::from_secs(20);

/// A program under test. Dropping it ends it and everything that it started.
pub struct Cluster {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where operators ask, if it has such a place.
    pub admin: Option<SocketAddr>,
    /// The process that we started.
    pub pid: u32,
    recorder: Recorder,
    exit: Arc<OnceLock<Exit>>,
    family: Mutex<Family>,
    cpu: CpuWatch,
}

impl Cluster {
    /// Starts `command` and waits until it says that it listens.
    ///
    /// # Errors
    /// When it can't be started, ends first, or does not say so in time.
    pub fn start(recorder: &Recorder, command: Command) -> Kept<Self> {
        // The moment from which reports count: an earlier cluster's `listening` is not ours.
        let earlier = recorder.entries().len();
        let mut cluster = Cluster::spawn(recorder, command)?;
        (cluster.address, cluster.admin) = cluster.wait_for_listening(earlier)?;
        Ok(cluster)
    }

    /// A program that has just been started, and may end at once.
    fn spawn(recorder: &Recorder, mut command: Command) -> Kept<Self> {
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = processes::spawn(&mut command)
            .map_err(|error| Broken::new("a program that starts", error.to_string()))?;
        let pipes_closed =
            [pump(recorder, child.stdout.take()), pump(recorder, child.stderr.take())];
        let cluster = Cluster {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            admin: None,
            pid: child.id(),
            recorder: recorder.clone(),
            exit: Arc::default(),
            family: Mutex::new(Family::of(std::process::id())),
            cpu: CpuWatch::default(),
        };
        watch(child, pipes_closed, recorder.clone(), cluster.exit.clone());
        cluster.cpu.begin(recorder.clone(), cluster.exit.clone());
        Ok(cluster)
    }

    fn wait_for_listening(&self, earlier: usize) -> Kept<(SocketAddr, Option<SocketAddr>)> {
        let limit = patience(START_LIMIT);
        let start = self.recorder.wait(limit, |entries| {
            let ended = || self.exit.get().map(|exit| Start::Ended(*exit));
            listening::start(&entries[earlier..]).or_else(ended)
        });
        let expected = r#"one line {"event":"listening","address":"127.0.0.1:PORT"} on stdout"#;
        let observed = match start {
            Some(Start::Listens(address, admin)) => return Ok((address, admin)),
            Some(Start::Ended(exit)) => {
                return Err(Broken::new(expected, format!("the program ended first ({exit})")));
            }
            Some(Start::AlmostSaysSo(wrong)) => format!("that line with {wrong}"),
            None => {
                self.cpu.tell(&self.recorder, self.pid, &self.processes());
                let instead = listening::instead(&self.recorder.entries()[earlier..]);
                let instead = instead.map(|instead| format!("; {instead}")).unwrap_or_default();
                format!("no such line within {} s{instead}", limit.as_secs())
            }
        };
        let moment = self.recorder.observe(observed.clone());
        Err(Broken::new(expected, observed)
            .at(moment)
            .advice("PROTOCOL.md says what a program prints so that it can be found and judged."))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When it is refused.
    pub fn connect(&self) -> Kept<Connection> {
        self.try_connect().map_err(|failure| {
            let moment = self.recorder.observe(format!("a new connection: {failure}"));
            Broken::new("a connection", failure.to_string()).at(moment)
        })
    }

    /// Opens a connection, and says how that failed.
    ///
    /// # Errors
    /// Mostly [`Failure::Refused`].
    pub fn try_connect(&self) -> Result<Connection, Failure> {
        Connection::open(self.address, patience(READ_LIMIT))
    }

    /// Sends GET `path` on a new connection.
    ///
    /// # Errors
    /// When the connection is refused.
    pub fn get(&self, path: &str) -> Kept<Pending> {
        Ok(self.get_on(self.connect()?, path))
    }

    /// Sends GET `path` on `connection`.
    #[must_use]
    pub fn get_on(&self, connection: Connection, path: &str) -> Pending {
        exchange::start(&self.recorder, connection, "GET", path, "", patience(READ_LIMIT))
    }

    /// Sends POST `path` with `body` on a new connection.
    ///
    /// # Errors
    /// When the connection is refused.
    pub fn post(&self, path: &str, body: &str) -> Kept<Pending> {
        let connection = self.connect()?;
        Ok(exchange::start(&self.recorder, connection, "POST", path, body, patience(READ_LIMIT)))
    }

    /// Sends `signal` to the process that we started, and to it alone. Returns when that was.
    pub fn signal(&self, signal: Signal) -> Moment {
        let pid = self.pid;
        let moment = self.recorder.observe(format!("{signal} sent to the primary (pid {pid})"));
        if self.exit.get().is_none() {
            let _ = sweep::send(self.pid, signal);
        }
        moment
    }

    /// Sends `signal` to every process of the group, as a terminal does with Ctrl-C.
    pub fn signal_group(&self, signal: Signal) {
        self.recorder.observe(format!("{signal} sent to the whole process group, as Ctrl-C does"));
        let _ = sweep::send_to_group(self.pid, signal);
    }

    /// Sends `signal` to one of its processes, given by its number.
    ///
    /// # Errors
    /// When `pid` isn't one of its processes: a program must not make us signal any other process.
    pub fn signal_process(&self, pid: u32, signal: Signal) -> Kept {
        if !self.processes().iter().any(|process| process.pid == pid) {
            let observed = format!("pid {pid} isn't a process of the program");
            let moment = self.recorder.observe(observed.clone());
            return Err(
                Broken::new("answers that name the process they come from", observed).at(moment)
            );
        }
        self.recorder.observe(format!("{signal} sent to pid {pid}"));
        let _ = sweep::send(pid, signal);
        Ok(())
    }

    /// Its running processes: the primary, and all that descend from it, orphans
    /// included. An orphan does not say whose it was, so with two clusters these are both's.
    #[must_use]
    pub fn processes(&self) -> Vec<Process> {
        let ours = self.family.lock().unwrap_or_else(PoisonError::into_inner).members();
        ours.into_iter()
            .filter(|process| process.pid != self.pid || self.exit.get().is_none())
            .collect()
    }

    /// Waits until the process that we started ends.
    ///
    /// # Errors
    /// When it still runs after `limit`.
    pub fn wait_exit(&self, limit: Duration) -> Kept<Exit> {
        let limit = patience(limit);
        if let Some(exit) = self.wait_exit_quietly(limit) {
            return Ok(exit);
        }
        let seconds = limit.as_secs_f64();
        let workers = self.processes().len().saturating_sub(1);
        let processes = if workers == 1 { "process" } else { "processes" };
        let observed =
            format!("still running after {seconds:.0} s, with {workers} more {processes}");
        let moment = self.recorder.observe(observed.clone());
        Err(Broken::new(format!("an exit within {seconds:.0} s"), observed).at(moment))
    }

    /// Waits until the process that we started ends; `None` when it still runs after `limit`.
    #[must_use]
    pub fn wait_exit_quietly(&self, limit: Duration) -> Option<Exit> {
        self.recorder.wait(limit, |_| self.exit.get().copied())
    }

    /// Waits until all its processes are gone.
    ///
    /// # Errors
    /// Names those that are still there after `limit`.
    pub fn wait_gone(&self, limit: Duration) -> Kept {
        let limit = patience(limit);
        if until(limit, || self.processes().is_empty().then_some(())).is_some() {
            return Ok(());
        }
        let left: Vec<_> = self.processes().iter().map(|process| process.pid.to_string()).collect();
        let observed = match left.as_slice() {
            [pid] => format!("a process is left behind: pid {pid}"),
            pids => format!("{} processes are left behind: pids {}", pids.len(), pids.join(", ")),
        };
        let moment = self.recorder.observe(observed.clone());
        Err(Broken::new("no process is left behind", observed).at(moment))
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit.get().is_none()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.is_running() {
            self.cpu.tell(&self.recorder, self.pid, &self.processes());
            self.recorder.observe(THE_END);
        }
        for process in self.processes() {
            let _ = sweep::send(process.pid, Signal::SIGKILL);
        }
        self.recorder.wait(patience(Duration::from_secs(5)), |_| self.exit.get().copied());
    }
}
