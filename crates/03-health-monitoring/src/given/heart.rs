//! What a worker needs to say that it is alive.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rolling_restart::worker::Voice;

use super::Beat;

/// The worker's end of the heartbeats.
pub struct Heart {
    pub(super) voice: Voice<Beat>,
    pub(super) counts: Arc<Counts>,
    pub(super) interval: Duration,
}

/// What a worker has answered so far.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) errors: AtomicU64,
}

impl Counts {
    fn beat(&self, lag: Duration) -> Beat {
        let lag_ms = events::millis(lag);
        let requests = self.requests.load(Ordering::Relaxed);
        let errors = self.errors.load(Ordering::Relaxed);
        Beat { lag_ms, requests, errors }
    }

    /// What a drained worker has counted: no request comes after it.
    pub(super) fn last_word(&self) -> Beat {
        self.beat(Duration::ZERO)
    }
}

impl Heart {
    /// How long it is from one heartbeat to the next: `HEARTBEAT_MS`.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Sends one heartbeat, which is `lag` later than it should have been.
    pub async fn beat(&self, lag: Duration) {
        self.voice.report(self.counts.beat(lag)).await;
    }
}
