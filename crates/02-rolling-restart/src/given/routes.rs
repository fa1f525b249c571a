//! The routes of PROTOCOL.md: who answers, work that takes its time, and how the last roll went.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use graceful_shutdown::given::http::{self, Body, query_number};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};

use super::{Progress, Version};

/// Where an answer comes from.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) worker: u32,
    pub(super) version: Version,
    pub(super) ready: Instant,
    pub(super) progress: Arc<Mutex<Progress>>,
}

pub(super) async fn respond(site: Site, request: Request<Incoming>) -> Response<Body> {
    let query = request.uri().query();
    let time = |default: u64| Duration::from_millis(query_number(query, "ms", default));
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => http::json(StatusCode::OK, &site.name()),
        (&Method::GET, "/slow") => http::slow_json(time(300), site.name()),
        (&Method::GET, "/busy") => {
            burn(time(5));
            http::json(StatusCode::OK, &site.name())
        }
        (&Method::GET, "/roll") => {
            let progress = site.progress.lock().unwrap_or_else(PoisonError::into_inner);
            http::json(StatusCode::OK, &json!(*progress))
        }
        _ => http::json(StatusCode::NOT_FOUND, &site.name()),
    }
}

impl Site {
    fn name(&self) -> Value {
        json!({
            "worker": self.worker,
            "pid": std::process::id(),
            "version": self.version,
            "uptime_ms": events::millis(self.ready.elapsed()),
        })
    }
}

/// Keeps the event loop busy, as rendering or parsing does: meanwhile the worker accepts nobody,
/// reads nothing, and hears no order.
fn burn(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        std::hint::spin_loop();
    }
}
