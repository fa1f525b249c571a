//! The routes of PROTOCOL.md: work that takes its time, and the faults that a check needs.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Frame, Incoming},
    header::CONTENT_TYPE,
};
use serde_json::json;
use tokio::time::sleep;

use super::Journal;

/// The body of an answer.
pub(super) type Body = UnsyncBoxBody<Bytes, std::convert::Infallible>;

/// Longest line that the journal takes, in bytes.
const MAX_LINE: usize = 4096;

/// Where an answer comes from.
pub(super) struct Place {
    pub(super) worker: u32,
    pub(super) journal: Journal,
}

pub(super) async fn respond(
    place: &Place,
    request: Request<Incoming>,
    is_ready: bool,
) -> Response<Body> {
    let number = |name: &str, default: u64| query_number(request.uri().query(), name, default);
    let wait = |default: u64| Duration::from_millis(number("ms", default));
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => {
            sleep(wait(1000)).await;
            name_place(place, StatusCode::OK, "done")
        }
        (&Method::GET, "/fast") => name_place(place, StatusCode::OK, "done"),
        (&Method::GET, "/slow") => slow(place, wait(5000)),
        (&Method::GET, "/download") => download(number("mb", 32)),
        (&Method::GET, "/health") if is_ready => name_place(place, StatusCode::OK, "ready"),
        (&Method::GET, "/health") => name_place(place, StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (&Method::POST, "/journal") => {
            let pause = wait(0);
            record(place, request, pause).await
        }
        _ => name_place(place, StatusCode::NOT_FOUND, "no such route"),
    }
}

/// An answer that says who gives it.
fn name_place(place: &Place, status: StatusCode, says: &str) -> Response<Body> {
    let body = json!({ "worker": place.worker, "pid": std::process::id(), "status": says });
    answer(status, whole(format!("{body}\n").into()))
}

/// The head at once, the body after `pause`: whoever has read the head knows that the request is
/// in flight.
fn slow(place: &Place, pause: Duration) -> Response<Body> {
    let body = json!({ "worker": place.worker, "pid": std::process::id(), "status": "done" });
    answer(
        StatusCode::OK,
        streamed(stream::once(async move {
            sleep(pause).await;
            format!("{body}\n").into()
        })),
    )
}

/// More than the buffers between two sockets hold, so that a client which does not read blocks it.
fn download(megabytes: u64) -> Response<Body> {
    let megabyte = Bytes::from(vec![b'.'; 1 << 20]);
    answer(StatusCode::OK, streamed(stream::iter((0..megabytes).map(move |_| megabyte.clone()))))
}

/// Takes a line into the journal, `pause` after it arrived, and acknowledges it.
async fn record(place: &Place, request: Request<Incoming>, pause: Duration) -> Response<Body> {
    let body = http_body_util::Limited::new(request.into_body(), MAX_LINE).collect().await;
    let Ok(body) = body else {
        return name_place(place, StatusCode::PAYLOAD_TOO_LARGE, "a line has at most 4096 bytes");
    };
    sleep(pause).await;
    place.journal.append(&String::from_utf8_lossy(&body.to_bytes()));
    name_place(place, StatusCode::OK, "recorded")
}

fn query_number(query: Option<&str>, name: &str, default: u64) -> u64 {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .find_map(|(_, value)| value.parse().ok())
        .unwrap_or(default)
}

fn answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("a valid type"));
    response
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

fn streamed(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))).boxed_unsync()
}

/// `body`, which keeps `guard` until it has been sent or given up.
pub(super) fn until_sent(body: Body, guard: impl Send + 'static) -> Body {
    body.map_frame(move |frame| {
        let _held = &guard;
        frame
    })
    .boxed_unsync()
}
