//! A worker's HTTP server, with one operation for each step of its end.

mod connection;
mod watched;

use std::{
    net::TcpListener,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use cluster_basics::accept::Acceptor;
use hyper::{Request, Response, body::Incoming};
use tokio::{sync::watch, time::timeout};

use self::connection::{Open, serve};
use crate::http::Body;

/// What answers: the routes of a chapter. They are told whether the server counts as ready.
type Respond = dyn Fn(Request<Incoming>, bool) -> Answer + Send + Sync;
type Answer = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

/// How long [`Server::stop_accepting`] waits. It takes longer only while no descriptor is free, and
/// then connections must close first.
const STOP_LIMIT: Duration = Duration::from_secs(1);

/// The server. It serves from the moment it is made.
pub struct Server {
    shared: Arc<Shared>,
    stop_accepting: watch::Sender<bool>,
}

struct Shared {
    respond: Box<Respond>,
    is_ready: AtomicBool,
    says_close: AtomicBool,
    in_flight: AtomicUsize,
    answered: AtomicUsize,
    /// Connections that were closed with a request that was begun and not answered.
    cut: AtomicUsize,
    /// Open connections, and 1 while the server accepts: a client may wait in the queue.
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
            cut: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            fate: watch::Sender::new(Fate::Served),
        });
        let (stop_accepting, stopped) = watch::channel(false);
        let accepting = Open::new(shared.clone());
        tokio::spawn(accept(Acceptor::start(listener), stopped, accepting));
        Server { shared, stop_accepting }
    }

    /// Serves the connections that wait in the kernel's queue, takes no more, and closes this
    /// process's copy of the listening socket. When it returns, that is done, but where no descriptor
    /// is free: then the rest follows as connections close, and [`Self::all_closed`] waits for it.
    pub async fn stop_accepting(&mut self) {
        let _ = self.stop_accepting.send(true);
        let _ = timeout(STOP_LIMIT, self.stop_accepting.closed()).await;
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

    /// Closes every connection now, and returns how many of them had a request that the server had
    /// begun and not answered whole. When it returns they are closed, and nothing of them runs any
    /// more.
    pub async fn cut(&self) -> usize {
        self.shared.decide(Fate::Cut);
        self.all_closed().await;
        self.shared.cut.load(Ordering::Acquire)
    }

    /// Waits until no connection is open.
    pub async fn all_closed(&self) {
        let is_accepting = || usize::from(!*self.stop_accepting.borrow());
        let mut open = self.shared.open.subscribe();
        // An error would mean that the server is gone, and its connections with it.
        let _ = open.wait_for(|open| *open == is_accepting()).await;
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
}

async fn accept(mut acceptor: Acceptor, mut stopped: watch::Receiver<bool>, accepting: Open) {
    let shared = accepting.shared().clone();
    let mut fate = shared.fate.subscribe();
    loop {
        tokio::select! {
            connection = acceptor.next() => match connection {
                // Counted before its task runs: a drain that looks in between must not miss it.
                Some(stream) => drop(tokio::spawn(serve(stream, Open::new(shared.clone())))),
                None => return,
            },
            Ok(()) = stopped.changed() => acceptor.stop(),
            _ = fate.wait_for(|fate| *fate == Fate::Cut) => {
                // Clients wait in the queue, and this process has no free descriptor for them.
                shared.cut.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
    }
}
