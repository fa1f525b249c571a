//! What a primary and its workers say to each other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Progress;

/// From the primary to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum ToWorker {
    /// Take no new connections, finish what you hold, exit.
    Drain {
        /// How long to go on serving the connections that are open.
        lame_duck: Duration,
        /// How long all of it may take: what is not answered by then is cut.
        timeout: Duration,
    },
    /// This is what `GET /roll` says from now on.
    Roll(Progress),
}

/// From a worker to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FromWorker {
    /// It serves.
    Ready,
    /// It takes no new work.
    Draining {
        /// Requests that it still has to answer.
        in_flight: usize,
    },
    /// It holds no more work, and exits.
    Drained {
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that the deadline closed with work on them.
        cut: usize,
    },
}
