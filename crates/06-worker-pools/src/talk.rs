//! What primary and workers of this chapter say to each other.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Id, Work};

/// What the primary tells a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// To run this task, after those that it holds already.
    Run {
        /// Its number.
        id: Id,
        /// Which start this is, from 1.
        attempt: u32,
        /// What to do.
        work: Work,
    },
    /// To drop this task, which was called off. If the worker has started it a moment ago, it must end.
    Forget(Id),
}

/// What a worker reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// It starts this task now.
    Started(Id),
    /// This came out of the task.
    Finished(Id, Value),
    /// It has heard that a task was called off.
    Forgotten,
}

/// The workers of this chapter.
pub type Workers = supervisor::Workers<Order, Report>;
/// What becomes of them.
pub type Notice = supervisor::Notice<Report>;
