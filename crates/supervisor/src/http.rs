//! Answers, and what a request asks for: the small parts of the routes of every chapter.

use std::{io, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{Response, StatusCode, body::Frame, header::CONTENT_TYPE};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

/// The body of an answer. An error cuts its connection off: an answer that comes from another process may
/// break in the middle.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer that says `json`, on one line.
#[must_use]
pub fn json(status: StatusCode, json: &impl Serialize) -> Response<Body> {
    answer(status, whole(line(json)))
}

/// A body that is there.
#[must_use]
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// The head of a 200 at once, `json` after `pause`: a client that has read the head knows that its
/// request is in flight.
#[must_use]
pub fn slow_json(pause: Duration, json: Value) -> Response<Body> {
    answer(
        StatusCode::OK,
        streamed(stream::once(async move {
            sleep(pause).await;
            line(&json)
        })),
    )
}

/// A body that is sent piece by piece.
#[must_use]
pub fn streamed(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    StreamBody::new(chunks.map(|chunk| Ok(Frame::data(chunk)))).boxed_unsync()
}

/// An answer with `body`.
#[must_use]
pub fn answer(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, "application/json".parse().expect("a valid type"));
    response
}

/// The number behind `name=` in a query, or `default`.
#[must_use]
pub fn query_number(query: Option<&str>, name: &str, default: u64) -> u64 {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .find_map(|(_, value)| value.parse().ok())
        .unwrap_or(default)
}

/// `body`, which keeps `guard` until it has been sent or given up.
pub(crate) fn until_sent(body: Body, guard: impl Send + 'static) -> Body {
    body.map_frame(move |frame| {
        let _held = &guard;
        frame
    })
    .boxed_unsync()
}

fn line(json: &impl Serialize) -> Bytes {
    // Only a map whose keys aren't strings can't be written.
    let text = serde_json::to_string(json).unwrap_or_default();
    format!("{text}\n").into()
}
