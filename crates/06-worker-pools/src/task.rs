//! A task, from its acceptance to its end.

use std::{fmt, str::FromStr};

use events::Pid;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Work;

/// The number of a task. Numbers grow, also when the program is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub u64);

impl Id {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Id(self.0 + 1)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Id {
    type Err = ();

    /// Only as it was given out: `7`, and neither `+7` nor `007`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let id = text.parse().map(Id).map_err(|_| ())?;
        if id.to_string() == text { Ok(id) } else { Err(()) }
    }
}

/// Where a task is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits in the primary.
    Queued,
    /// It was handed to this worker, which has not started it. Clients see it as queued.
    Held(Pid),
    /// This worker has started it.
    Processing(Pid),
    /// This came out.
    Completed(Value),
    /// It ended without a result.
    Failed(Reason),
    /// A client has called it off (an extra).
    Cancelled,
}

/// Why a task failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// It was started `MAX_ATTEMPTS` times, and its worker died each time.
    Attempts,
    /// It ran for longer than `TASK_TIMEOUT_MS`.
    Deadline,
}

impl State {
    /// Whether it is accepted and not started: in the primary, or held by a worker.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self, State::Queued | State::Held(_))
    }

    /// The worker that holds it or runs it.
    #[must_use]
    pub fn worker(&self) -> Option<Pid> {
        match self {
            State::Held(pid) | State::Processing(pid) => Some(*pid),
            State::Queued | State::Completed(_) | State::Failed(_) | State::Cancelled => None,
        }
    }

    /// Whether nothing will become of it any more.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        !self.is_waiting() && self.worker().is_none()
    }

    /// As `GET /task/:id` names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            State::Queued | State::Held(_) => "queued",
            State::Processing(_) => "processing",
            State::Completed(_) => "completed",
            State::Failed(_) => "failed",
            State::Cancelled => "cancelled",
        }
    }
}

/// A task that was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub id: Id,
    /// What to do.
    #[serde(flatten)]
    pub work: Work,
    /// How often it was started.
    pub attempts: u32,
    /// Where it is.
    pub state: State,
}

impl Task {
    /// A task that was not started yet.
    #[must_use]
    pub fn new(id: Id, work: Work) -> Self {
        Task { id, work, attempts: 0, state: State::Queued }
    }

    /// As clients see it.
    #[must_use]
    pub fn json(&self) -> Value {
        let Task { id, work, attempts, state } = self;
        let result = if let State::Completed(result) = state { result } else { &Value::Null };
        let error = if let State::Failed(reason) = state { json!(reason) } else { Value::Null };
        json!({
            "id": id, "type": work.kind, "n": work.n, "status": state.name(),
            "attempts": attempts, "result": result, "error": error,
        })
    }
}
