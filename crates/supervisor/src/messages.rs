//! What a primary and its workers tell each other. A chapter adds its own words: orders for its
//! workers, and reports from them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// From the primary to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker<Order> {
    /// Take no new connections, finish what you hold, clean up, exit.
    Drain {
        /// How long to go on serving the connections that are open.
        lame_duck: Duration,
        /// How long all of it may take: a request that isn't answered by then is cut.
        timeout: Duration,
    },
    /// One of the chapter's own orders.
    Order(Order),
}

/// From a worker to the primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromWorker<Report> {
    /// It serves.
    Ready,
    /// It takes no new work.
    Draining {
        /// Requests that it still has to answer.
        in_flight: usize,
    },
    /// It released a resource.
    CleanedUp {
        /// What was released.
        resource: String,
        /// What there was to do, in a few words.
        detail: String,
    },
    /// It holds no more work, and exits.
    Drained {
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that the deadline closed with a request that was begun and not
        /// answered.
        cut: usize,
    },
    /// One of the chapter's own reports.
    Report(Report),
}

/// For a chapter that has no words of its own in one direction. The type has no values, so nothing
/// can be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nothing {}
