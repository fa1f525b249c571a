//! A worker of the candidate. It accepts no clients: the stable workers pass requests on to its private
//! socket. It drains as all others do.

use std::{convert::Infallible, future::pending, process::ExitCode, sync::Arc, time::Duration};

use cluster_basics::{StartError, channel::Sender, worker::die_with_primary};
use events::Pid;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use supervisor::{Fault, FromWorker, at, messages::ToWorker};
use tokio::{
    net::{UnixListener, UnixStream},
    task::JoinSet,
    time::sleep,
};

use crate::{
    forwarder::{is_ours, socket_of},
    routes::{Site, is_versioned, no_route},
    talk::{Order, Report},
};

/// What the primary handed down.
type Inherited = cluster_basics::Worker<FromWorker<Report>, ToWorker<Order>>;

struct Candidate {
    site: Arc<Site>,
    sender: Sender<FromWorker<Report>>,
    /// `None` once it is closed.
    listener: Option<UnixListener>,
    /// The requests that are being answered, each on a connection of its own.
    open: JoinSet<()>,
    answered: usize,
}

/// The order to drain.
#[derive(Clone, Copy)]
struct Drain {
    /// Until then requests may be on their way here.
    close_at: std::time::Instant,
    gone_by: std::time::Instant,
}

/// Runs as the worker that `place` describes, from its start to its end.
pub(crate) async fn work(
    place: Inherited,
    fault: Option<Fault>,
    site: Site,
) -> Result<ExitCode, StartError> {
    die_with_primary()?;
    let Inherited { listener, sender, mut receiver, .. } = place;
    // Clients talk to the stable workers.
    drop(listener);
    let listener = Some(UnixListener::bind(socket_of(Pid::own()))?);
    let (site, open) = (Arc::new(site), JoinSet::new());
    let mut worker = Candidate { site, sender, listener, open, answered: 0 };
    let up = starting(fault);
    tokio::pin!(up);
    let (mut is_up, mut drain) = (false, None::<Drain>);
    let crash = crash(fault);
    tokio::pin!(crash);
    loop {
        if worker.is_done(drain) {
            return Ok(worker.leave(0).await);
        }
        tokio::select! {
            biased;
            order = receiver.recv() => match order {
                Ok(ToWorker::Drain { .. }) if !is_up => return Ok(ExitCode::SUCCESS),
                Ok(ToWorker::Drain { lame_duck, timeout }) => {
                    drain.get_or_insert(worker.drain(lame_duck, timeout).await);
                }
                Ok(ToWorker::Order(_)) => {}
                Err(_) => return Ok(ExitCode::FAILURE),
            },
            started = &mut up, if !is_up => {
                if let Some(code) = started {
                    return Ok(code);
                }
                is_up = true;
                worker.say(FromWorker::Ready).await;
            }
            () = &mut crash, if is_up => return Ok(ExitCode::FAILURE),
            Some(stream) = accept(worker.listener.as_ref()), if is_up => worker.serve(stream),
            Some(_) = worker.open.join_next() => worker.answered += 1,
            () = at(drain.filter(|_| worker.listener.is_some()).map(|drain| drain.close_at)) => {
                worker.listener = None;
            }
            () = at(drain.map(|drain| drain.gone_by)) => {
                let cut = worker.open.len();
                return Ok(worker.leave(cut).await);
            }
        }
    }
}

/// Waits until the worker may serve; returns its exit code if it never will.
async fn starting(fault: Option<Fault>) -> Option<ExitCode> {
    match fault {
        Some(Fault::SlowStart(time)) => sleep(time).await,
        Some(Fault::NeverReady) => pending().await,
        Some(Fault::CrashAtStart) => return Some(ExitCode::FAILURE),
        Some(Fault::CrashAfterReady(_) | Fault::Answers(_)) | None => {}
    }
    None
}

async fn crash(fault: Option<Fault>) {
    match fault {
        Some(Fault::CrashAfterReady(time)) => sleep(time).await,
        Some(Fault::SlowStart(_) | Fault::NeverReady | Fault::CrashAtStart | Fault::Answers(_))
        | None => pending().await,
    }
}

/// The next connection. An error is one connection's, or passes: no descriptor is free.
async fn accept(listener: Option<&UnixListener>) -> Option<UnixStream> {
    const PAUSE: Duration = Duration::from_millis(10);
    loop {
        match listener?.accept().await {
            // A name without a file has no permissions.
            Ok((stream, _)) if is_ours(&stream) => return Some(stream),
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Candidate {
    /// If the primary is gone, the receiver says so.
    async fn say(&self, message: FromWorker<Report>) {
        let _ = self.sender.send(&message).await;
    }

    fn serve(&mut self, stream: UnixStream) {
        let site = self.site.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let site = site.clone();
            async move {
                let (request, _) = request.into_parts();
                Ok::<_, Infallible>(if is_versioned(&request) {
                    site.answer(&request).await
                } else {
                    no_route(&request)
                })
            }
        });
        let mut http = http1::Builder::new();
        let connection = http.keep_alive(false).serve_connection(TokioIo::new(stream), service);
        self.open.spawn(async move {
            // A stable worker that breaks off is its own business.
            let _ = connection.await;
        });
    }

    /// A stable worker may have chosen this one a moment ago: the socket stays open for a while.
    async fn drain(&mut self, lame_duck: Duration, timeout: Duration) -> Drain {
        let now = std::time::Instant::now();
        self.answered = 0;
        self.say(FromWorker::Draining { in_flight: self.open.len() }).await;
        Drain { close_at: now + lame_duck.min(timeout), gone_by: now + timeout }
    }

    fn is_done(&self, drain: Option<Drain>) -> bool {
        drain.is_some() && self.listener.is_none() && self.open.is_empty()
    }

    async fn leave(&self, cut: usize) -> ExitCode {
        self.say(FromWorker::Drained { answered: self.answered, cut }).await;
        ExitCode::SUCCESS
    }
}
