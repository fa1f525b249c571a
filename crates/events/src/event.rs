//! The vocabulary: everything that a cluster may report about itself.

use std::{fmt, net::SocketAddr, process::ExitStatus};

use serde::{Deserialize, Serialize};

/// One report of a cluster. On the wire: `{"event":"worker-ready","worker":2,"pid":4242}`.
///
/// Only [`Event::Listening`] is required of a program under test; the rest makes the picture
/// richer. Workers are numbered from 1; durations are whole milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// Connections to `address` are accepted from now on.
    Listening {
        /// Where clients connect to; the port is the real one even where 0 was asked for.
        address: SocketAddr,
        /// Where operators ask how the cluster is, if there is such a place.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        admin: Option<SocketAddr>,
    },
    /// A worker process was started.
    WorkerStarted {
        /// The slot that the worker fills.
        worker: u32,
        /// Its process.
        pid: u32,
        /// The version that it runs, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// A worker serves requests.
    WorkerReady {
        /// The slot that the worker fills.
        worker: u32,
        /// Its process.
        pid: u32,
    },
    /// A worker takes no new work and finishes what it holds.
    WorkerDraining {
        /// The slot that the worker fills.
        worker: u32,
        /// Its process.
        pid: u32,
        /// Requests that it still has to answer.
        in_flight: usize,
    },
    /// A worker holds no more work.
    WorkerDrained {
        /// The slot that the worker fills.
        worker: u32,
        /// Its process.
        pid: u32,
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that the deadline closed with work on them.
        cut: usize,
    },
    /// A worker released one resource.
    CleanedUp {
        /// The slot that the worker fills.
        worker: u32,
        /// What was released.
        resource: String,
        /// What there was to do, in a few words.
        detail: String,
    },
    /// A worker's process ended and was reaped.
    WorkerExited {
        /// The slot that the worker filled.
        worker: u32,
        /// The process that is gone.
        pid: u32,
        /// How it ended.
        exit: Exit,
    },
    /// The primary ends a worker by SIGKILL.
    WorkerKilled {
        /// The slot that the worker fills.
        worker: u32,
        /// Its process.
        pid: u32,
        /// What it did, or did not do.
        reason: String,
    },
    /// A slot is left empty for a while, because its workers keep dying.
    RestartDelayed {
        /// The slot.
        worker: u32,
        /// How many of its workers died in a row.
        deaths: u32,
        /// How long it stays empty.
        millis: u64,
    },
    /// A slot is in another condition than before. An alert says so once, not once a second.
    Alert {
        /// The slot.
        worker: u32,
        /// Its process, if there is one.
        pid: Option<u32>,
        /// How bad it is.
        level: Level,
        /// What is the matter.
        condition: Condition,
        /// The same in words, with figures.
        text: String,
    },
    /// How the cluster is, from time to time.
    Report {
        /// Workers that can be relied on.
        ready: usize,
        /// Workers that there should be.
        workers: usize,
        /// Requests answered since the start.
        requests: u64,
        /// Answers among them with a status of 500 or above.
        errors: u64,
    },
    /// The primary begins to replace every worker.
    RollStarted {
        /// The version that runs.
        from: String,
        /// The version that shall run.
        to: String,
    },
    /// A slot has its new worker, and the old one is gone.
    WorkerReplaced {
        /// The slot.
        worker: u32,
        /// The new process.
        pid: u32,
        /// The version that it runs.
        version: String,
        /// From the start of the new worker to the end of the old one.
        millis: u64,
    },
    /// The new version is given up; every worker goes back to the old one.
    RollAbandoned {
        /// The version that is given up.
        version: String,
        /// Why.
        reason: String,
    },
    /// Every slot runs one version again.
    RollFinished {
        /// That version.
        version: String,
        /// Whether it is the one that was asked for.
        outcome: RollOutcome,
        /// How long it took.
        millis: u64,
    },
    /// The primary was asked to stop, and drains.
    ShutdownStarted {
        /// The signal's name, such as `SIGTERM`.
        signal: String,
        /// How long the drain may take.
        timeout_ms: u64,
    },
    /// The primary stopped waiting and killed the workers that were left.
    ShutdownForced {
        /// Why it did not wait any longer.
        reason: String,
    },
    /// Every worker is gone; the primary exits next.
    ShutdownComplete {
        /// How the drain went.
        outcome: Outcome,
        /// Requests answered since the drain began.
        drained: usize,
        /// Connections closed with work on them.
        cut: usize,
        /// How long it took.
        millis: u64,
    },
}

/// How a drain went, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All work was finished.
    Drained,
    /// The deadline cut work off.
    Cut,
    /// A second signal ended it.
    Forced,
}

/// How bad something is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It is over.
    Resolved,
    /// It may become critical. Nothing is done about it.
    Warning,
    /// The worker is replaced, or can't be.
    Critical,
}

/// What may be the matter with a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// Nothing is heard of its worker.
    Heartbeat,
    /// Its worker uses more memory than it may.
    Memory,
    /// Its worker answers too much with an error.
    Errors,
    /// Its worker uses more CPU than it may.
    Cpu,
    /// Its worker died.
    Died,
    /// Its workers die again and again, and no more are started.
    GivenUp,
}

/// How a roll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollOutcome {
    /// Every worker runs the new version.
    RolledOut,
    /// Every worker runs the old version again.
    RolledBack,
}

/// How a process ended: never both a code and a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// It returned this exit code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        use std::os::unix::process::ExitStatusExt;
        match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or(0)),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(9) => f.write_str("killed by SIGKILL"),
            Exit::Signal(15) => f.write_str("killed by SIGTERM"),
            Exit::Signal(2) => f.write_str("killed by SIGINT"),
            Exit::Signal(signal) => write!(f, "killed by signal {signal}"),
        }
    }
}
