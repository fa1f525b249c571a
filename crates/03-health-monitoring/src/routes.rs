//! The routes of PROTOCOL.md: the answers of a worker, and every way to make it ill.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use events::{Pid, Slot};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};
use supervisor::http::{self, Body, query_number};
use tokio::task::spawn_blocking;

/// Where an answer comes from.
pub(crate) struct Site {
    slot: Slot,
    /// What was leaked.
    leak: Mutex<Vec<Vec<u8>>>,
}

pub(crate) async fn respond(site: &Site, request: &Request<Incoming>) -> Response<Body> {
    let number = |name, default| query_number(request.uri().query(), name, default);
    let time = |default| Duration::from_millis(number("ms", default));
    if request.method() != Method::GET {
        return http::json(StatusCode::METHOD_NOT_ALLOWED, &site.name());
    }
    let status = match request.uri().path() {
        "/" => StatusCode::OK,
        "/slow" => return http::slow_json(time(300), site.name()),
        "/error" => StatusCode::INTERNAL_SERVER_ERROR,
        "/leak" => {
            site.leak_megabytes(number("mb", 10)).await;
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
    http::json(status, &site.name())
}

impl Site {
    pub(crate) fn new(slot: Slot) -> Self {
        Site { slot, leak: Mutex::default() }
    }

    fn name(&self) -> Value {
        json!({ "worker": self.slot, "pid": Pid::own() })
    }

    /// On another thread: this is about memory, and the kernel may need a while to find that much.
    async fn leak_megabytes(&self, megabytes: u64) {
        let size = usize::try_from(megabytes.min(4096) << 20).unwrap_or(0);
        // Written to, or the kernel would only promise it.
        let leak = spawn_blocking(move || vec![1; size]).await.unwrap_or_default();
        self.leak.lock().unwrap_or_else(PoisonError::into_inner).push(leak);
    }
}

/// What a synchronous call does that waits for another program. This thread is the event loop, and
/// meanwhile the worker reads nothing and answers no client.
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
