//! A worker of this chapter: its routes, and how far a roll is.

use std::{
    env,
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use events::{Pid, Slot, millis};
use hyper::{Request, Response, body::Incoming};
use serde_json::{Value, json};
use supervisor::{Nothing, Service, Version, http::Body};

use crate::{Progress, routes};

/// What a worker knows.
pub(crate) struct RollService {
    slot: Slot,
    pub(crate) version: Version,
    ready: OnceLock<Instant>,
    progress: Mutex<Progress>,
}

impl RollService {
    /// The worker in `slot`, with the version that the primary put into `VERSION`.
    pub(crate) fn new(slot: Slot) -> Self {
        let version = env::var("VERSION").ok().and_then(|text| text.parse().ok());
        let version = version.unwrap_or(Version::FIRST);
        let progress = Mutex::new(Progress::steady(version));
        RollService { slot, version, ready: OnceLock::new(), progress }
    }

    /// The worker that answers.
    pub(crate) fn name(&self) -> Value {
        let uptime = self.ready.get().map_or(Duration::ZERO, Instant::elapsed);
        json!({
            "worker": self.slot,
            "pid": Pid::own(),
            "version": self.version,
            "uptime_ms": millis(uptime),
        })
    }

    /// How far the roll is, as the primary told last.
    pub(crate) fn progress(&self) -> Progress {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Service for RollService {
    type Order = Progress;
    type Report = Nothing;

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        routes::respond(self, &request)
    }

    fn on_order(&self, progress: Progress) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }

    fn on_ready(&self) {
        self.ready.get_or_init(Instant::now);
    }
}
