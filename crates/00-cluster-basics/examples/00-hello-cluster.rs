//! Two workers behind one port: the smallest cluster.
//!
//! ```text
//! cargo xtask run 00-hello-cluster
//! curl http://127.0.0.1:8000/          # {"worker":1,"pid":4242}, then {"worker":2,"pid":4243}, ...
//! kill -9 4242                         # the slot is filled again
//! ```

use std::{convert::Infallible, future::ready, io, process::ExitCode};

use cluster_basics::{Cluster, Notice, StartError, Worker, accept::Acceptor, config, listener};
use events::{ServiceEvent, Slot, WorkerEvent, WorkerId, emit};
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};

/// What a worker says. The primary tells it nothing.
#[derive(Serialize, Deserialize)]
struct Ready;

/// Primary, or one of its workers.
pub(crate) fn main() -> ExitCode {
    cluster_basics::run(primary, worker)
}

/// Keeps a worker in each slot, until Ctrl-C ends the process or a worker can't be started.
async fn primary() -> Result<ExitCode, StartError> {
    let listener = listener::bind("PORT", config::port()?)?;
    let slots = Slot::all(config::workers(2)?);
    let address = listener.local_addr()?;
    let mut cluster: Cluster<(), Ready> = Cluster::new(listener);
    for slot in slots {
        start(&mut cluster, slot)?;
    }
    emit(ServiceEvent::Listening { address, admin: None });
    loop {
        match cluster.next().await {
            Notice::Said { id, message: Ready } => emit(WorkerEvent::Ready(id)),
            // It doesn't speak our protocol. Its end follows.
            Notice::Garbled { id, .. } => cluster.kill(id.pid),
            Notice::Exited { id, exit } => {
                emit(WorkerEvent::Exited { id, exit });
                start(&mut cluster, id.slot)?;
            }
        }
    }
}

fn start(cluster: &mut Cluster<(), Ready>, slot: Slot) -> Result<(), StartError> {
    let pid = cluster.spawn(slot)?;
    emit(WorkerEvent::Started { id: WorkerId { slot, pid }, version: None });
    Ok(())
}

/// Serves until the primary is gone.
async fn worker(mut worker: Worker<Ready, ()>) -> Result<ExitCode, StartError> {
    let mut connections = Acceptor::start(worker.listener);
    worker.sender.send(&Ready).await.map_err(io::Error::other)?;
    loop {
        tokio::select! {
            Some(stream) = connections.next() => {
                let service = service_fn(move |_| ready(Ok::<_, Infallible>(answer(worker.slot))));
                let stream = TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(stream, service));
            }
            Err(_) = worker.receiver.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Says which process answers.
fn answer(slot: Slot) -> Response<String> {
    let pid = std::process::id();
    Response::new(format!("{{\"worker\":{slot},\"pid\":{pid}}}\n"))
}
