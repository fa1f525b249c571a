//! One connection, from its first request to its end.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioTimer;
use tokio::{net::TcpStream, time::timeout};

use super::{
    Fate, Shared,
    watched::{Blocked, Watched},
};
use crate::http::{self, Body};

/// How long a client may take until it has sent the head of its next request. Without this limit a
/// client that sends half a head holds a connection forever. nginx keeps an idle connection as long.
const HEAD_LIMIT: Duration = Duration::from_secs(75);

/// A client may wait in the kernel's queue until the idle connections are closed. Once its connection
/// is accepted, its first request has this long to arrive.
const LATE_LIMIT: Duration = Duration::from_secs(1);

/// Serves one connection until it closes, or its fate is decided.
pub(super) async fn serve(stream: TcpStream, open: Open) {
    let mut fate = open.shared.fate.subscribe();
    let is_late = *fate.borrow() == Fate::ClosedWhenIdle;
    if is_late {
        // A client that sends nothing has nothing to lose.
        tokio::select! {
            _ = timeout(LATE_LIMIT, stream.readable()) => {}
            _ = fate.wait_for(|fate| *fate == Fate::Cut) => {}
        }
    }
    let work = Work::default();
    let io = Watched::new(stream, work.blocked.clone());
    let (shared, requests) = (open.shared.clone(), work.requests.clone());
    let service = service_fn(move |request| {
        let response = respond(shared.clone(), requests.clone(), request);
        async { Ok::<_, Infallible>(response.await) }
    });
    let mut http = http1::Builder::new();
    // A client may close its sending side after its last request, and still wants the answer.
    http.half_close(true).timer(TokioTimer::new()).header_read_timeout(HEAD_LIMIT);
    let connection = http.serve_connection(io, service);
    tokio::pin!(connection);
    tokio::select! {
        // First, so that a request that has arrived is taken up before the connection counts as idle.
        biased;
        // A client that breaks off is its own business.
        _ = connection.as_mut() => return,
        decided = fate.wait_for(|fate| *fate > Fate::Served) => {
            if decided.is_ok_and(|fate| *fate == Fate::Cut) {
                return open.cut(&work);
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        // A request that has arrived was taken up by now. Half a head isn't a request.
        () = std::future::ready(()) => if work.is_done() { return },
    }
    tokio::select! {
        _ = connection => {}
        _ = fate.wait_for(|fate| *fate == Fate::Cut) => open.cut(&work),
    }
}

async fn respond(
    shared: Arc<Shared>,
    requests: Arc<AtomicUsize>,
    request: Request<Incoming>,
) -> Response<Body> {
    let in_flight = InFlight::new(shared.clone(), requests);
    let is_ready = shared.is_ready.load(Ordering::Acquire);
    let mut response = (shared.respond)(request, is_ready).await;
    if shared.says_close.load(Ordering::Acquire) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| http::until_sent(body, in_flight))
}

/// What a connection still has to do.
#[derive(Default)]
struct Work {
    /// Requests whose answer was not handed to the connection in full.
    requests: Arc<AtomicUsize>,
    /// Whether the rest of an answer waits for its client to read.
    blocked: Blocked,
}

impl Work {
    fn is_done(&self) -> bool {
        self.requests.load(Ordering::Acquire) == 0 && !self.blocked.get()
    }
}

/// Counts an open connection, until it is dropped.
pub(super) struct Open {
    shared: Arc<Shared>,
}

impl Open {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Open { shared }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn cut(&self, work: &Work) {
        if !work.is_done() {
            self.shared.cut.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.open.send_modify(|open| *open -= 1);
    }
}

/// Counts a request in flight, until it is dropped: then its answer has been handed to the
/// connection, or cut off.
struct InFlight {
    shared: Arc<Shared>,
    requests: Arc<AtomicUsize>,
}

impl InFlight {
    fn new(shared: Arc<Shared>, requests: Arc<AtomicUsize>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::AcqRel);
        requests.fetch_add(1, Ordering::AcqRel);
        InFlight { shared, requests }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if *self.shared.fate.borrow() < Fate::Cut {
            self.shared.answered.fetch_add(1, Ordering::AcqRel);
        }
        self.requests.fetch_sub(1, Ordering::AcqRel);
        self.shared.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
