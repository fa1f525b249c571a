//! What a worker says of itself with each heartbeat.

use serde::{Deserialize, Serialize};

/// One heartbeat. Its arrival is the message: the loop that serves has come round. What it carries
/// only that worker can know; the rest is seen from outside ([`super::Figures`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// By how many milliseconds this heartbeat was late: the lag of the event loop.
    pub lag_ms: u64,
    /// Requests answered since the worker's start.
    pub requests: u64,
    /// Answers among them with a status of 500 or above.
    pub errors: u64,
}
