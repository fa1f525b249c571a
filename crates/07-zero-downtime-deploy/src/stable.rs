//! A worker that accepts clients: it chooses the version for each request, and answers itself or passes the
//! request on.

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use events::Pid;
use http_body_util::BodyExt;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, http::request::Parts};
use serde_json::json;
use supervisor::{
    Service, WorkerChannel,
    calls::{Calls, Down},
    http::{self, Body},
};
use tokio::sync::{mpsc::Receiver, watch};

use crate::{
    Answer, Split,
    counted::{Counted, Uncounted},
    forwarder::pass_on,
    reporter::{Reporter, deliver, reporter},
    routes::{Site, client, is_versioned, no_route},
    run::Choose,
    talk::{Order, Report},
};

type ToPrimary = Arc<Calls<Vec<Answer>, ()>>;

/// A stable worker.
pub(crate) struct Stable {
    site: Site,
    choose: Choose,
    answer_timeout: Duration,
    /// What the primary told last; `None` before its first word.
    split: watch::Sender<Option<Split>>,
    turns: Mutex<Turns>,
    reporter: Reporter,
    counted: Mutex<Option<Receiver<Answer>>>,
    calls: OnceLock<ToPrimary>,
}

/// Where this worker is in its split.
#[derive(Default)]
struct Turns {
    step: u64,
    /// Requests without a client's name since the split came.
    anonymous: u64,
    /// Requests that were passed on since then.
    passed_on: u64,
}

impl Stable {
    pub(crate) fn new(site: Site, choose: Choose, answer_timeout: Duration) -> Self {
        let (reporter, counted) = reporter();
        let (split, turns, calls) = (watch::Sender::new(None), Mutex::default(), OnceLock::new());
        let counted = Mutex::new(Some(counted));
        Stable { site, choose, answer_timeout, split, turns, reporter, counted, calls }
    }

    /// The split that holds now. Without one this worker could give clients the wrong version.
    async fn split(&self) -> Split {
        let mut split = self.split.subscribe();
        let known = split.wait_for(Option::is_some).await;
        known.ok().and_then(|known| known.clone()).unwrap_or_default()
    }

    /// The candidate's worker that must answer; `None` if this worker must.
    fn pick(&self, split: &Split, client: Option<&str>) -> Option<Pid> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.step != split.step {
            *turns = Turns { step: split.step, ..Turns::default() };
        }
        // A worker of the candidate's own version, born in a promotion.
        if split.candidate == Some(self.site.version) || split.workers.is_empty() {
            return None;
        }
        turns.anonymous += u64::from(client.is_none());
        if !(self.choose)(split, client, turns.anonymous) {
            return None;
        }
        turns.passed_on += 1;
        let turn = usize::try_from(turns.passed_on).unwrap_or_default();
        split.workers.get(turn % split.workers.len()).copied()
    }

    async fn versioned(&self, request: &Parts) -> Response<Body> {
        let split = self.split().await;
        let client = client(&request.headers);
        let began = Instant::now();
        let worker = self.pick(&split, client.as_deref());
        let by_candidate = worker.is_some() || split.candidate == Some(self.site.version);
        let reporter = self.reporter.clone();
        let step = split.step;
        let uncounted = Uncounted { reporter, by_candidate, step, client, began };
        let Some(worker) = worker else {
            return counted(self.site.answer(request).await, uncounted);
        };
        match pass_on(worker, request, self.answer_timeout).await {
            Ok(answer) => {
                let answer =
                    answer.map(|body: Incoming| body.map_err(io::Error::other).boxed_unsync());
                counted(answer, uncounted)
            }
            // Not one byte has come, and a GET may be sent twice (RFC 9110, section 9.2.2).
            Err(_) if request.method == Method::GET => {
                uncounted.count(true);
                self.site.answer(request).await
            }
            Err(_) => {
                uncounted.count(true);
                let says = json!({ "error": "the candidate's worker is gone" });
                http::json(StatusCode::BAD_GATEWAY, &says)
            }
        }
    }
}

fn counted(answer: Response<Body>, uncounted: Uncounted) -> Response<Body> {
    let is_bad = answer.status().is_server_error();
    answer.map(|body| Counted::new(body, uncounted, is_bad).boxed_unsync())
}

impl Service for Stable {
    type Order = Order;
    type Report = Report;

    fn on_start(&self, channel: WorkerChannel<Report>) {
        self.calls.get_or_init(|| Arc::new(Calls::new(channel)));
    }

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        let (request, _) = request.into_parts();
        if is_versioned(&request) { self.versioned(&request).await } else { no_route(&request) }
    }

    fn on_order(&self, order: Order) {
        let Some(calls) = self.calls.get() else { return };
        match order {
            Down::Answer { id, answer } => calls.answered(id, answer),
            Down::News { id, news } => {
                self.split.send_replace(Some(news));
                calls.acknowledge(id);
            }
        }
    }

    async fn background(&self, _channel: WorkerChannel<Report>) {
        let counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(counted), Some(calls)) = (counted, self.calls.get()) {
            deliver(counted, calls).await;
        }
    }
}
