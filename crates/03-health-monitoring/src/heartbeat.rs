//! What a worker says of itself, again and again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use events::millis;
use serde::{Deserialize, Serialize};
use supervisor::WorkerChannel;

/// One heartbeat. Its arrival is the message: the event loop that serves has come round. It carries
/// what only that worker can know; the rest is seen from outside ([`crate::ResourceUsage`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// By how many milliseconds this heartbeat was late: the lag of the event loop.
    pub lag_ms: u64,
    /// Requests answered since the worker's start.
    pub requests: u64,
    /// Answers among them with a status of 500 or above.
    pub errors: u64,
}

/// Sends heartbeats to the primary.
pub struct HeartbeatSender {
    pub(crate) channel: WorkerChannel<Heartbeat>,
    pub(crate) counters: Arc<RequestCounters>,
    pub(crate) interval: Duration,
}

impl HeartbeatSender {
    /// The time from one heartbeat to the next: `HEARTBEAT_MS`.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Sends one heartbeat, which is `lag` later than it should have been.
    pub async fn send(&self, lag: Duration) {
        self.channel.report(self.counters.heartbeat(lag)).await;
    }
}

/// What a worker has answered so far.
#[derive(Default)]
pub(crate) struct RequestCounters {
    requests: AtomicU64,
    errors: AtomicU64,
}

impl RequestCounters {
    pub(crate) fn count(&self, is_error: bool) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if is_error {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn heartbeat(&self, lag: Duration) -> Heartbeat {
        let requests = self.requests.load(Ordering::Relaxed);
        let errors = self.errors.load(Ordering::Relaxed);
        Heartbeat { lag_ms: millis(lag), requests, errors }
    }
}
