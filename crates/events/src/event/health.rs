//! The health of the workers.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Pid, Slot, numbers::count};

/// What a monitor says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum HealthEvent {
    /// A slot is in another condition than before. The monitor says so once, not once a second.
    Alert(Alert),
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
}

/// A slot is in another condition than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which slot.
    #[serde(rename = "worker")]
    pub slot: Slot,
    /// The process in it, if there is one.
    pub pid: Option<Pid>,
    /// How bad it is.
    pub level: Level,
    /// What is the matter.
    pub condition: Condition,
    /// The same in words, with figures.
    pub text: String,
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
    /// The primary hears no heartbeats of its worker.
    Heartbeat,
    /// Its worker uses more memory than it may.
    Memory,
    /// Its worker answers too many requests with an error.
    Errors,
    /// Its worker uses more CPU than it may.
    Cpu,
    /// Its worker died.
    Died,
    /// Its workers die again and again, and no more are started.
    GivenUp,
}

impl fmt::Display for HealthEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HealthEvent::Alert(Alert { slot, level, text, .. }) => {
                let level = match level {
                    Level::Resolved => "resolved",
                    Level::Warning => "warning",
                    Level::Critical => "ALERT",
                };
                write!(f, "{level}: worker {slot}: {text}")
            }
            HealthEvent::Report { ready, workers, requests, errors } => {
                let errors = count(usize::try_from(*errors).unwrap_or(usize::MAX), "error");
                write!(f, "{ready} of {workers} workers ready, {requests} requests, {errors}")
            }
        }
    }
}
