//! A worker: serves, fails on demand, and drains as chapter 01 taught. It obeys its channel alone.

use std::{
    env,
    future::pending,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cluster_basics::{
    StartError, Worker,
    channel::{Receiver, Sender},
};
use graceful_shutdown::{drain, given::Server};
use tokio::time::sleep;

use super::{
    Config, FromWorker, Intents, Progress, ToWorker, Version,
    faults::Fault,
    routes::{Site, respond},
};

/// What ends a part of a worker's life.
enum End {
    /// The order to drain.
    Drain { lame_duck: Duration, timeout: Duration },
    /// Its fault, or the end of its primary.
    Exit(ExitCode),
}

pub(super) async fn worker(
    mut place: Worker<FromWorker, ToWorker>,
) -> Result<ExitCode, StartError> {
    // Signals that reach the whole group (Ctrl-C, a service manager's SIGTERM) are the primary's to
    // decide about. Taken over and never read, they do nothing here.
    let _ignored = Intents::install()?;
    let version = env::var("VERSION").ok().and_then(|text| text.parse().ok());
    let version = version.unwrap_or(Version::FIRST);
    let fault = Config::from_env()?.faults.of(version, place.id);
    let progress = Arc::new(Mutex::new(Progress::steady(version)));
    match starting(fault, &mut place.receiver, &progress).await {
        None => {}
        // Nobody was let in yet, so there is nothing to finish.
        Some(End::Drain { .. }) => return Ok(ExitCode::SUCCESS),
        Some(End::Exit(code)) => return Ok(code),
    }
    let site =
        Site { worker: place.id, version, ready: Instant::now(), progress: progress.clone() };
    let server = Server::start(place.listener, move |request, _| respond(site.clone(), request));
    tell(&mut place.sender, FromWorker::Ready).await;
    match serving(fault, &mut place.receiver, &progress).await {
        End::Drain { lame_duck, timeout } => {
            let drain = finish(server, &mut place.sender, lame_duck, timeout);
            tokio::select! {
                () = drain => Ok(ExitCode::SUCCESS),
                () = orphaned(&mut place.receiver) => Ok(ExitCode::FAILURE),
            }
        }
        End::Exit(code) => Ok(code),
    }
}

async fn finish(
    mut server: Server,
    sender: &mut Sender<FromWorker>,
    lame_duck: Duration,
    timeout: Duration,
) {
    tell(sender, FromWorker::Draining { in_flight: server.in_flight() }).await;
    let done = drain(&mut server, lame_duck, timeout).await;
    tell(sender, FromWorker::Drained { answered: done.answered, cut: done.cut }).await;
}

/// Until it may serve (`None`). Even a worker that never gets there hears its primary.
async fn starting(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker>,
    progress: &Mutex<Progress>,
) -> Option<End> {
    let up = async {
        match fault {
            Some(Fault::SlowStart(time)) => sleep(time).await,
            Some(Fault::NeverReady) => pending().await,
            Some(Fault::CrashAtStart) => return Some(End::Exit(ExitCode::FAILURE)),
            Some(Fault::CrashAfterReady(_)) | None => {}
        }
        None
    };
    tokio::select! {
        biased;
        end = up => end,
        end = orders(receiver, progress) => Some(end),
    }
}

/// Until it shall drain, its primary is gone, or its fault ends it.
async fn serving(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker>,
    progress: &Mutex<Progress>,
) -> End {
    let crash = async {
        match fault {
            Some(Fault::CrashAfterReady(time)) => sleep(time).await,
            Some(Fault::SlowStart(_) | Fault::NeverReady | Fault::CrashAtStart) | None => {
                pending::<()>().await;
            }
        }
    };
    tokio::select! {
        () = crash => End::Exit(ExitCode::FAILURE),
        end = orders(receiver, progress) => end,
    }
}

/// The order to drain, or the end of the primary: there is nobody left to serve for, nor to
/// replace or reap us.
async fn orders(receiver: &mut Receiver<ToWorker>, progress: &Mutex<Progress>) -> End {
    loop {
        match receiver.recv().await {
            Some(ToWorker::Roll(news)) => {
                *progress.lock().unwrap_or_else(PoisonError::into_inner) = news;
            }
            Some(ToWorker::Drain { lame_duck, timeout }) => {
                return End::Drain { lame_duck, timeout };
            }
            None => return End::Exit(ExitCode::FAILURE),
        }
    }
}

async fn orphaned(receiver: &mut Receiver<ToWorker>) {
    while receiver.recv().await.is_some() {}
}

async fn tell(sender: &mut Sender<FromWorker>, message: FromWorker) {
    // If the primary is gone, the receiver says so.
    let _ = sender.send(&message).await;
}
