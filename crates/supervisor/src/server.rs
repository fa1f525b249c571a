//! A worker's HTTP server, with one operation for each step of its end.

use std::{
    net::TcpListener,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use cluster_basics::accept::Acceptor;
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::watch, task::JoinHandle};

use crate::http::{self, Body};

/// What answers: the routes of a chapter. They are told whether the server counts as ready.
type Respond = dyn Fn(Request<Incoming>, bool) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// The server. It serves from the moment it is made.
pub struct Server {
    shared: Arc<Shared>,
    stop_accepting: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

struct Shared {
    respond: Box<Respond>,
    is_ready: AtomicBool,
    says_close: AtomicBool,
    in_flight: AtomicUsize,
    answered: AtomicUsize,
    open: watch::Sender<usize>,
    fate: watch::Sender<Fate>,
}

/// What becomes of the open connections.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Fate {
    Served,
    ClosedWhenIdle,
    Cut,
}

impl Server {
    /// Serves the connections of `listener`: `respond` answers each request, and is told whether
    /// the server counts as ready.
    #[must_use]
    pub fn start<F>(
        listener: TcpListener,
        respond: impl Fn(Request<Incoming>, bool) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let shared = Arc::new(Shared {
            respond: Box::new(move |request, is_ready| Box::pin(respond(request, is_ready))),
            is_ready: AtomicBool::new(true),
            says_close: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            fate: watch::Sender::new(Fate::Served),
        });
        let (stop_accepting, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(Acceptor::start(listener), stopped, shared.clone()));
        Server { shared, stop_accepting, accepting }
    }

    /// Serves the connections that wait in the kernel's queue, takes no more, and closes this
    /// process's copy of the listening socket. When it returns, that is done.
    pub async fn stop_accepting(&mut self) {
        let _ = self.stop_accepting.send(true);
        if !self.accepting.is_finished() {
            let _ = (&mut self.accepting).await;
        }
    }

    /// From now on `/health` says 503, so that a load balancer sends nothing new.
    pub fn fail_readiness(&self) {
        self.shared.is_ready.store(false, Ordering::Release);
    }

    /// From now on each answer carries `Connection: close`, and its connection is closed after it.
    pub fn announce_close(&self) {
        self.shared.says_close.store(true, Ordering::Release);
    }

    /// Closes each connection as soon as it owes no answer: the idle ones now.
    ///
    /// "Idle" is what this end sees. A request may be on its way on such a connection, and its
    /// client then has to send it again: serve on for a while before you call this.
    pub fn close_idle(&self) {
        self.shared.decide(Fate::ClosedWhenIdle);
    }

    /// Closes every connection now, whatever it is doing, and returns how many there were. When it
    /// returns they are closed, and nothing of them runs any more.
    pub async fn cut(&self) -> usize {
        let open = *self.shared.open.borrow();
        self.shared.decide(Fate::Cut);
        self.all_closed().await;
        open
    }

    /// Waits until no connection is open.
    pub async fn all_closed(&self) {
        let mut open = self.shared.open.subscribe();
        // An error would mean that the server is gone, and its connections with it.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Requests that are being worked on.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::Acquire)
    }

    /// Requests answered since the start.
    #[must_use]
    pub fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Acquire)
    }
}

impl Shared {
    /// A fate never gets better: what is cut stays cut.
    fn decide(&self, fate: Fate) {
        self.fate.send_if_modified(|current| {
            let is_worse = fate > *current;
            if is_worse {
                *current = fate;
            }
            is_worse
        });
    }

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let in_flight = InFlight::new(self.clone());
        let is_ready = self.is_ready.load(Ordering::Acquire);
        let mut response = (self.respond)(request, is_ready).await;
        if self.says_close.load(Ordering::Acquire) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| http::until_sent(body, in_flight))
    }
}

async fn accept(mut acceptor: Acceptor, mut stopped: watch::Receiver<bool>, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            connection = acceptor.next() => match connection {
                // Counted before its task runs: a drain that looks in between must not miss it.
                Some(stream) => drop(tokio::spawn(serve(stream, Open::new(shared.clone())))),
                None => return,
            },
            Ok(()) = stopped.changed() => acceptor.stop(),
        }
    }
}

/// Serves one connection until it closes, or its fate is decided.
async fn serve(stream: TcpStream, open: Open) {
    let shared = open.0.clone();
    let mut fate = shared.fate.subscribe();
    let service = service_fn(move |request| {
        let response = shared.clone().respond(request);
        async { Ok::<_, std::convert::Infallible>(response.await) }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        // A client that breaks off is its own business.
        _ = connection.as_mut() => return,
        decided = fate.wait_for(|fate| *fate > Fate::Served) => match decided.as_deref() {
            Ok(Fate::ClosedWhenIdle) => connection.as_mut().graceful_shutdown(),
            _ => return,
        },
    }
    tokio::select! {
        _ = connection => {}
        _ = fate.wait_for(|fate| *fate == Fate::Cut) => {}
    }
}

/// Counts an open connection, until it is dropped.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open.send_modify(|open| *open += 1);
        Open(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// Counts a request in flight, until it is dropped: then its answer has been written, or cut off.
struct InFlight(Arc<Shared>);

impl InFlight {
    fn new(shared: Arc<Shared>) -> Self {
        shared.in_flight.fetch_add(1, Ordering::AcqRel);
        InFlight(shared)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if *self.0.fate.borrow() < Fate::Cut {
            self.0.answered.fetch_add(1, Ordering::AcqRel);
        }
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
