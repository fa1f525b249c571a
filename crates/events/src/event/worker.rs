//! The life of one worker, and how its process ended.

use std::{fmt, process::ExitStatus};

use serde::{Deserialize, Serialize};

use crate::{Slot, WorkerId, numbers::count};

/// What happens to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum WorkerEvent {
    /// Its process was started.
    #[serde(rename = "worker-started")]
    Started {
        #[serde(flatten)]
        id: WorkerId,
        /// The version that it runs, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
    /// It serves requests.
    #[serde(rename = "worker-ready")]
    Ready(WorkerId),
    /// It takes no new work and finishes what it holds.
    #[serde(rename = "worker-draining")]
    Draining {
        #[serde(flatten)]
        id: WorkerId,
        /// Requests that it still has to answer.
        in_flight: usize,
    },
    /// It holds no more work.
    #[serde(rename = "worker-drained")]
    Drained {
        #[serde(flatten)]
        id: WorkerId,
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that the deadline closed with a request that was begun and not
        /// answered.
        cut: usize,
    },
    /// It released one resource.
    #[serde(rename = "cleaned-up")]
    CleanedUp {
        /// The slot that it fills.
        #[serde(rename = "worker")]
        slot: Slot,
        /// What was released.
        resource: String,
        /// What there was to do, in a few words.
        detail: String,
    },
    /// Its process ended and was reaped.
    #[serde(rename = "worker-exited")]
    Exited {
        #[serde(flatten)]
        id: WorkerId,
        /// How it ended.
        exit: Exit,
    },
    /// The primary ends it by SIGKILL.
    #[serde(rename = "worker-killed")]
    Killed {
        #[serde(flatten)]
        id: WorkerId,
        /// What it did, or did not do.
        reason: String,
    },
    /// It took over from another one, which is gone.
    #[serde(rename = "worker-replaced")]
    Replaced {
        #[serde(flatten)]
        id: WorkerId,
        /// The version that it runs, where there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// From its start to the end of the other one.
        millis: u64,
    },
    /// A slot is left empty for a while, because its workers keep crashing.
    #[serde(rename = "restart-delayed")]
    RestartDelayed {
        /// Which slot.
        #[serde(rename = "worker")]
        slot: Slot,
        /// How many of its workers crashed one after the other.
        streak: u32,
        /// How long it stays empty.
        millis: u64,
    },
}

impl fmt::Display for WorkerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerEvent::Started { id: WorkerId { slot, pid }, version: None } => {
                write!(f, "worker {slot} started (pid {pid})")
            }
            WorkerEvent::Started { id: WorkerId { slot, pid }, version: Some(version) } => {
                write!(f, "worker {slot} started with version {version} (pid {pid})")
            }
            WorkerEvent::Ready(WorkerId { slot, pid }) => {
                write!(f, "worker {slot} ready (pid {pid})")
            }
            WorkerEvent::Draining { id: WorkerId { slot, pid }, in_flight } => {
                let requests = count(*in_flight, "request");
                write!(f, "worker {slot} draining (pid {pid}), {requests} in flight")
            }
            WorkerEvent::Drained { id: WorkerId { slot, pid }, answered, cut } => {
                let answered = count(*answered, "request");
                if *cut == 0 {
                    return write!(f, "worker {slot} drained (pid {pid}), {answered} answered");
                }
                let cut = count(*cut, "connection");
                write!(f, "worker {slot} out of time (pid {pid}): {answered} answered, {cut} cut")
            }
            WorkerEvent::CleanedUp { slot, resource, detail } => {
                write!(f, "worker {slot} released its {resource}: {detail}")
            }
            WorkerEvent::Exited { id: WorkerId { slot, pid }, exit } => {
                write!(f, "worker {slot} exited (pid {pid}): {exit}")
            }
            WorkerEvent::Killed { id: WorkerId { slot, pid }, reason } => {
                write!(f, "worker {slot} killed (pid {pid}): {reason}")
            }
            WorkerEvent::Replaced { id: WorkerId { slot, pid }, version, millis } => {
                let by = version.as_ref().map_or(String::new(), |version| format!(" by {version}"));
                write!(f, "worker {slot} replaced{by} (pid {pid}) in {millis} ms")
            }
            WorkerEvent::RestartDelayed { slot, streak, millis } => {
                write!(f, "worker {slot}: a restart streak of {streak}, no start for {millis} ms")
            }
        }
    }
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
