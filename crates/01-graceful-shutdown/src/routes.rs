//! The routes of PROTOCOL.md: work that takes its time, and the faults that a check needs.

use std::time::Duration;

use events::Slot;
use http_body_util::{BodyExt, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming};
use serde_json::{Value, json};
use supervisor::http::{self, Body, query_number};
use tokio::time::sleep;

use crate::Journal;

/// Longest line that the journal takes, in bytes.
const MAX_LINE: usize = 4096;

/// Where an answer comes from.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) slot: Slot,
    pub(crate) journal: Journal,
}

pub(crate) async fn respond(
    site: Site,
    request: Request<Incoming>,
    is_ready: bool,
) -> Response<Body> {
    let number = |name: &str, default: u64| query_number(request.uri().query(), name, default);
    let wait = |default: u64| Duration::from_millis(number("ms", default));
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            sleep(wait(1000)).await;
            http::json(StatusCode::OK, &site.says("done"))
        }
        (&Method::GET, "/fast") => http::json(StatusCode::OK, &site.says("done")),
        (&Method::GET, "/slow") => http::slow_json(wait(5000), site.says("done")),
        (&Method::GET, "/download") => download(number("mb", 32)),
        (&Method::GET, "/health") if is_ready => http::json(StatusCode::OK, &site.says("ready")),
        (&Method::GET, "/health") => {
            http::json(StatusCode::SERVICE_UNAVAILABLE, &site.says("draining"))
        }
        (&Method::POST, "/journal") => {
            let pause = wait(0);
            record(&site, request, pause).await
        }
        _ => http::json(StatusCode::NOT_FOUND, &site.says("no such route")),
    }
}

impl Site {
    /// An answer that names its worker.
    fn says(&self, status: &str) -> Value {
        json!({ "worker": self.slot, "pid": std::process::id(), "status": status })
    }
}

/// An answer larger than the buffers between two sockets, so a client that doesn't read blocks the
/// worker's write. The body is one piece: the handler has returned, and the connection is still busy.
fn download(megabytes: u64) -> Response<Body> {
    let size = usize::try_from(megabytes.min(1024) << 20).unwrap_or(0);
    http::answer(StatusCode::OK, http::whole(vec![b'.'; size]))
}

/// Takes a line into the journal, `pause` after it arrived, and acknowledges it.
async fn record(site: &Site, request: Request<Incoming>, pause: Duration) -> Response<Body> {
    let Ok(body) = Limited::new(request.into_body(), MAX_LINE).collect().await else {
        let says = site.says("a line has at most 4096 bytes");
        return http::json(StatusCode::PAYLOAD_TOO_LARGE, &says);
    };
    sleep(pause).await;
    site.journal.append(&String::from_utf8_lossy(&body.to_bytes()));
    http::json(StatusCode::OK, &site.says("recorded"))
}
