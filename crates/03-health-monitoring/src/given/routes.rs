//! The routes of PROTOCOL.md: who answers, and every way to fall ill.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use graceful_shutdown::given::http::{self, Body, query_number};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::heart::Counts;

/// Where an answer comes from.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) worker: u32,
    pub(super) counts: Arc<Counts>,
    /// What was leaked.
    pub(super) leak: Arc<Mutex<Vec<Vec<u8>>>>,
}

pub(super) async fn respond(site: Site, request: Request<Incoming>) -> Response<Body> {
    let answer = site.answer(&request).await;
    site.counts.requests.fetch_add(1, Ordering::Relaxed);
    if answer.status().is_server_error() {
        site.counts.errors.fetch_add(1, Ordering::Relaxed);
    }
    answer
}

impl Site {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Body> {
        let number = |name, default| query_number(request.uri().query(), name, default);
        let time = |default| Duration::from_millis(number("ms", default));
        if request.method() != Method::GET {
            return http::json(StatusCode::METHOD_NOT_ALLOWED, &self.name());
        }
        let status = match request.uri().path() {
            "/" => StatusCode::OK,
            "/slow" => return http::slow_json(time(300), self.name()),
            "/error" => StatusCode::INTERNAL_SERVER_ERROR,
            "/leak" => {
                self.leak_megabytes(number("mb", 10)).await;
                StatusCode::OK
            }
            "/block" => {
                block(time(1000));
                StatusCode::OK
            }
            "/burn" => {
                burn(time(1000));
                StatusCode::OK
            }
            _ => StatusCode::NOT_FOUND,
        };
        http::json(status, &self.name())
    }

    fn name(&self) -> Value {
        json!({ "worker": self.worker, "pid": std::process::id() })
    }

    /// On another thread: this is about memory, and the kernel may take its time to find so much.
    async fn leak_megabytes(&self, megabytes: u64) {
        let size = usize::try_from(megabytes.min(4096) << 20).unwrap_or(0);
        // Written to, or the kernel would only promise it.
        let leak = spawn_blocking(move || vec![1; size]).await.unwrap_or_default();
        self.leak.lock().unwrap_or_else(PoisonError::into_inner).push(leak);
    }
}

/// What a synchronous call does that waits for somebody else. This thread is the event loop, and
/// meanwhile the worker reads nothing and answers nobody.
#[expect(clippy::disallowed_methods, reason = "to block is what it is for")]
fn block(time: Duration) {
    thread::sleep(time);
}

/// Keeps one core busy on another thread: the event loop goes on.
fn burn(time: Duration) {
    let until = Instant::now() + time;
    thread::spawn(move || {
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    });
}
