//! Answers without an end: numbered events, until the client leaves or the worker drains. A worker that
//! drains says so first, so that the client comes again and no event is missing.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use hyper::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderValue},
    http::request::Parts,
};
use serde_json::Value;
use supervisor::http::{self, Body, query_number};
use tokio::{sync::watch, time::sleep};

/// The client comes again at once, and says which event it has seen last ("Server-sent events" in the HTML
/// standard).
const NOTICE: &str = "retry: 0\n\n";

/// The streams of one worker.
pub(crate) struct Streams {
    drains: watch::Sender<bool>,
}

/// One client's stream.
struct EventStream {
    next: u64,
    pause: Duration,
    says: Value,
    drains: watch::Receiver<bool>,
    is_over: bool,
}

impl Streams {
    pub(crate) fn new() -> Self {
        Streams { drains: watch::Sender::new(false) }
    }

    /// The worker drains: each stream says so, and ends.
    pub(crate) fn drain(&self) {
        self.drains.send_replace(true);
    }

    /// Begins after the event that the client has seen last.
    pub(crate) fn answer(&self, request: &Parts, says: Value) -> Response<Body> {
        let stream = EventStream {
            next: last_seen(&request.headers) + 1,
            pause: Duration::from_millis(query_number(request.uri.query(), "ms", 200)),
            says,
            drains: self.drains.subscribe(),
            is_over: false,
        };
        let events = stream::unfold(stream, async |mut stream: EventStream| {
            let event = stream.next().await?;
            Some((event, stream))
        });
        let mut response = http::answer(StatusCode::OK, http::streamed(events));
        let kind = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

fn last_seen(headers: &HeaderMap) -> u64 {
    let text = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

impl EventStream {
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        tokio::select! {
            biased;
            // An error would mean that the worker is gone.
            _ = self.drains.wait_for(|drains| *drains) => {
                self.is_over = true;
                Some(Bytes::from_static(NOTICE.as_bytes()))
            }
            () = sleep(self.pause) => {
                let event = format!("id: {}\ndata: {}\n\n", self.next, self.says);
                self.next += 1;
                Some(event.into())
            }
        }
    }
}
