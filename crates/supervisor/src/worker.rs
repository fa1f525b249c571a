//! The worker's side: it starts, or fails on demand; it serves; it drains as chapter 01 teaches. It
//! obeys its channel alone.

use std::{future::pending, process::ExitCode, sync::Arc, time::Duration};

use bytes::Bytes;
use cluster_basics::{
    StartError, Worker,
    channel::{Receiver, Sender},
    worker::die_with_primary,
};
use hyper::{Request, Response, body::Incoming};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    drain::drain,
    faults::Fault,
    http::Body,
    messages::{FromWorker, ToWorker},
    server::Server,
};

/// What a chapter's workers do, beside their lifecycle.
pub trait Service: Send + Sync + 'static {
    /// What the primary tells them.
    type Order: DeserializeOwned;
    /// What they report.
    type Report: Serialize;

    /// Answers one request. `is_ready` is false once the worker drains.
    fn respond(
        &self,
        request: Request<Incoming>,
        is_ready: bool,
    ) -> impl Future<Output = Response<Body>> + Send;

    /// The worker has a way to its primary, and nothing else yet.
    fn on_start(&self, channel: WorkerChannel<Self::Report>) {
        drop(channel);
    }

    /// The primary sent `order`. It may come before [`Self::on_ready`].
    fn on_order(&self, order: Self::Order);

    /// The worker accepts connections from now on.
    fn on_ready(&self) {}

    /// The worker drains from now on, within `limit`.
    fn on_drain(&self, limit: Duration) {
        let _ = limit;
    }

    /// The worker's own clients have their answers. The worker goes on obeying orders until this
    /// returns, or until the `limit` of [`Self::on_drain`] is over.
    fn farewell(&self) -> impl Future<Output = ()> {
        async {}
    }

    /// Runs on the event loop that serves, until the worker ends.
    fn background(&self, channel: WorkerChannel<Self::Report>) -> impl Future<Output = ()> {
        drop(channel);
        async {}
    }

    /// What there is to report when the drain is over.
    fn final_report(&self) -> Option<Self::Report> {
        None
    }
}

/// The worker's end of the channel, for every part of the worker that has something to report.
pub struct WorkerChannel<Report>(Arc<Sender<FromWorker<Report>>>);

impl<Report: Serialize> WorkerChannel<Report> {
    /// Sends `report`; waits while the primary is slow to read.
    pub async fn report(&self, report: Report) {
        self.send(FromWorker::Report(report)).await;
    }

    /// Writes bytes that need not be a message: see [`Sender::send_raw`].
    pub async fn send_raw(&self, pieces: Vec<(Bytes, Duration)>) {
        let _ = self.0.send_raw(pieces).await;
    }

    async fn send(&self, message: FromWorker<Report>) {
        // If the primary is gone, the receiver says so.
        let _ = self.0.send(&message).await;
    }
}

impl<Report> Clone for WorkerChannel<Report> {
    fn clone(&self) -> Self {
        WorkerChannel(self.0.clone())
    }
}

/// What ends a part of a worker's life.
enum End {
    /// The order to drain.
    Drain { lame_duck: Duration, timeout: Duration },
    /// Its fault, or the end of its primary.
    Exit(ExitCode),
}

/// Runs `service` as the worker that `place` describes, from its start to its end, and returns its
/// exit code. With a `fault` it fails on demand.
///
/// # Errors
/// When the primary has died already.
pub async fn run_worker<S: Service>(
    place: Worker<FromWorker<S::Report>, ToWorker<S::Order>>,
    fault: Option<Fault>,
    service: S,
) -> Result<ExitCode, StartError> {
    die_with_primary()?;
    let Worker { listener, sender, mut receiver, .. } = place;
    let service = Arc::new(service);
    let channel = WorkerChannel(Arc::new(sender));
    service.on_start(channel.clone());
    match starting(fault, &mut receiver, &*service).await {
        None => {}
        // No connection was accepted yet, so there is nothing to finish.
        Some(End::Drain { .. }) => return Ok(ExitCode::SUCCESS),
        Some(End::Exit(code)) => return Ok(code),
    }
    // Before the server, which may answer as soon as it is made.
    service.on_ready();
    let server = serve(listener, service.clone());
    channel.send(FromWorker::Ready).await;
    let background = async {
        service.background(channel.clone()).await;
        pending().await
    };
    let serving = async {
        match serving(fault, &mut receiver, &*service).await {
            End::Drain { lame_duck, timeout } => tokio::select! {
                () = finish(server, &channel, lame_duck, timeout, &*service) => ExitCode::SUCCESS,
                End::Exit(code) = orphaned(&mut receiver, &*service) => code,
            },
            End::Exit(code) => code,
        }
    };
    Ok(tokio::select! {
        code = serving => code,
        code = background => code,
    })
}

fn serve<S: Service>(listener: std::net::TcpListener, service: Arc<S>) -> Server {
    Server::start(listener, move |request, is_ready| {
        let service = service.clone();
        async move { service.respond(request, is_ready).await }
    })
}

async fn finish<S: Service>(
    mut server: Server,
    channel: &WorkerChannel<S::Report>,
    lame_duck: Duration,
    timeout: Duration,
    service: &S,
) {
    let deadline = Instant::now() + timeout;
    service.on_drain(timeout);
    channel.send(FromWorker::Draining { in_flight: server.in_flight() }).await;
    let done = drain(&mut server, lame_duck, timeout).await;
    if let Some(report) = service.final_report() {
        channel.report(report).await;
    }
    channel.send(FromWorker::Drained { answered: done.answered, cut: done.cut }).await;
    // Another worker may still need this one. At the deadline it goes all the same.
    let _ = timeout_at(deadline, service.farewell()).await;
}

/// Waits until the worker may serve (`None`). Even a worker that never gets there hears its primary.
async fn starting<S: Service>(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker<S::Order>>,
    service: &S,
) -> Option<End> {
    let up = async {
        match fault {
            Some(Fault::SlowStart(time)) => sleep(time).await,
            Some(Fault::NeverReady) => pending().await,
            Some(Fault::CrashAtStart) => return Some(End::Exit(ExitCode::FAILURE)),
            Some(Fault::CrashAfterReady(_) | Fault::Answers(_)) | None => {}
        }
        None
    };
    tokio::select! {
        // A worker that is up and told to drain in the same moment has accepted nothing yet: up first.
        biased;
        end = up => end,
        end = orders(receiver, service) => Some(end),
    }
}

/// Waits until the worker must drain, its primary is gone, or its fault ends it.
async fn serving<S: Service>(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker<S::Order>>,
    service: &S,
) -> End {
    let crash = async {
        match fault {
            Some(Fault::CrashAfterReady(time)) => sleep(time).await,
            Some(
                Fault::SlowStart(_) | Fault::NeverReady | Fault::CrashAtStart | Fault::Answers(_),
            )
            | None => pending::<()>().await,
        }
    };
    tokio::select! {
        () = crash => End::Exit(ExitCode::FAILURE),
        end = orders(receiver, service) => end,
    }
}

/// Waits for the order to drain, or the end of the primary: then no process is left that could
/// replace or reap this one.
async fn orders<S: Service>(receiver: &mut Receiver<ToWorker<S::Order>>, service: &S) -> End {
    loop {
        match receiver.recv().await {
            Ok(ToWorker::Order(order)) => service.on_order(order),
            Ok(ToWorker::Drain { lame_duck, timeout }) => {
                return End::Drain { lame_duck, timeout };
            }
            Err(_) => return End::Exit(ExitCode::FAILURE),
        }
    }
}

/// Waits for the end of the primary, whatever it says before: this worker drains already.
async fn orphaned<S: Service>(receiver: &mut Receiver<ToWorker<S::Order>>, service: &S) -> End {
    loop {
        if let end @ End::Exit(_) = orders(receiver, service).await {
            return end;
        }
    }
}
