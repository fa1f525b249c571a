//! The life of a worker, from inside: it starts, or fails on demand; it serves; it drains as chapter
//! 01 taught. It obeys its channel alone.

use std::{future::pending, process::ExitCode, sync::Arc, time::Duration};

use cluster_basics::{
    Worker,
    channel::{Receiver, Sender},
};
use graceful_shutdown::{
    drain,
    given::{Server, http::Body},
};
use hyper::{Request, Response, body::Incoming};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{sync::Mutex, time::sleep};

use crate::{
    given::Fault,
    messages::{FromWorker, ToWorker},
};

/// How a worker speaks to its primary, from wherever in it there is something to say.
pub struct Voice<Report>(Arc<Mutex<Sender<FromWorker<Report>>>>);

impl<Report: Serialize> Voice<Report> {
    /// Sends `report`; waits while the primary is slow to read.
    pub async fn report(&self, report: Report) {
        self.say(FromWorker::Report(report)).await;
    }

    async fn say(&self, message: FromWorker<Report>) {
        // If the primary is gone, the receiver says so.
        let _ = self.0.lock().await.send(&message).await;
    }
}

/// What ends a part of a worker's life.
enum End {
    /// The order to drain.
    Drain { lame_duck: Duration, timeout: Duration },
    /// Its fault, or the end of its primary.
    Exit(ExitCode),
}

/// Lives as a worker in `place`, and says with which exit code it ends.
///
/// `open` is called when it is ready, and makes what answers requests. `obey` hears the chapter's
/// own orders. `beside` runs on the loop that serves, for as long as that does. `last_word` is what
/// there is to report when the drain is over.
pub async fn live<Order, Report, Respond, Answer>(
    place: Worker<FromWorker<Report>, ToWorker<Order>>,
    fault: Option<Fault>,
    open: impl FnOnce() -> Respond,
    mut obey: impl FnMut(Order),
    beside: impl AsyncFnOnce(Voice<Report>),
    last_word: impl FnOnce() -> Option<Report>,
) -> ExitCode
where
    Order: DeserializeOwned,
    Report: Serialize,
    Respond: Fn(Request<Incoming>, bool) -> Answer + Send + Sync + 'static,
    Answer: Future<Output = Response<Body>> + Send + 'static,
{
    let Worker { listener, sender, mut receiver, .. } = place;
    match starting(fault, &mut receiver, &mut obey).await {
        None => {}
        // Nobody was let in yet, so there is nothing to finish.
        Some(End::Drain { .. }) => return ExitCode::SUCCESS,
        Some(End::Exit(code)) => return code,
    }
    let server = Server::start(listener, open());
    let voice = Voice(Arc::new(Mutex::new(sender)));
    voice.say(FromWorker::Ready).await;
    let beside = async {
        beside(Voice(voice.0.clone())).await;
        pending().await
    };
    let serving = async {
        match serving(fault, &mut receiver, &mut obey).await {
            End::Drain { lame_duck, timeout } => tokio::select! {
                () = finish(server, &voice, lame_duck, timeout, last_word) => ExitCode::SUCCESS,
                End::Exit(code) = orphaned(&mut receiver, &mut obey) => code,
            },
            End::Exit(code) => code,
        }
    };
    tokio::select! {
        code = serving => code,
        code = beside => code,
    }
}

async fn finish<Report: Serialize>(
    mut server: Server,
    voice: &Voice<Report>,
    lame_duck: Duration,
    timeout: Duration,
    last_word: impl FnOnce() -> Option<Report>,
) {
    voice.say(FromWorker::Draining { in_flight: server.in_flight() }).await;
    let done = drain(&mut server, lame_duck, timeout).await;
    if let Some(report) = last_word() {
        voice.report(report).await;
    }
    voice.say(FromWorker::Drained { answered: done.answered, cut: done.cut }).await;
}

/// Until it may serve (`None`). Even a worker that never gets there hears its primary.
async fn starting<Order: DeserializeOwned>(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker<Order>>,
    obey: &mut impl FnMut(Order),
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
        end = orders(receiver, obey) => Some(end),
    }
}

/// Until it shall drain, its primary is gone, or its fault ends it.
async fn serving<Order: DeserializeOwned>(
    fault: Option<Fault>,
    receiver: &mut Receiver<ToWorker<Order>>,
    obey: &mut impl FnMut(Order),
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
        end = orders(receiver, obey) => end,
    }
}

/// The order to drain, or the end of the primary: there is nobody left to serve for, nor to
/// replace or reap us.
async fn orders<Order: DeserializeOwned>(
    receiver: &mut Receiver<ToWorker<Order>>,
    obey: &mut impl FnMut(Order),
) -> End {
    loop {
        match receiver.recv().await {
            Some(ToWorker::Order(order)) => obey(order),
            Some(ToWorker::Drain { lame_duck, timeout }) => {
                return End::Drain { lame_duck, timeout };
            }
            None => return End::Exit(ExitCode::FAILURE),
        }
    }
}

/// The end of the primary, whatever it says before: this worker drains already.
async fn orphaned<Order: DeserializeOwned>(
    receiver: &mut Receiver<ToWorker<Order>>,
    obey: &mut impl FnMut(Order),
) -> End {
    loop {
        if let end @ End::Exit(_) = orders(receiver, obey).await {
            return end;
        }
    }
}
