//! What a primary and its workers say to each other. A chapter adds its own words: orders for its
//! workers, and reports from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// From the primary to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker<Order> {
    /// Take no new connections, finish what you hold, exit.
    Drain {
        /// How long to go on serving the connections that are open.
        lame_duck: Duration,
        /// How long all of it may take: what is not answered by then is cut.
        timeout: Duration,
    },
    /// A word of the chapter's own.
    Order(Order),
}

/// From a worker to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker<Report> {
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
    /// A word of the chapter's own.
    Report(Report),
}

/// For a chapter that has no word of its own in one direction: nothing of this type is ever sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nothing {}
