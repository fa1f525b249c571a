//! Two workers behind one port: the least that deserves the name of a cluster.
//!
//! ```text
//! cargo xtask run 00-hello-cluster
//! curl http://127.0.0.1:8000/          # {"worker":1,"pid":4242}, then {"worker":2,"pid":4243}, ...
//! kill -9 4242                         # the slot is filled again
//! ```

use std::{convert::Infallible, future::ready, process::ExitCode};

use cluster_basics::{Cluster, Notice, StartError, Worker, accept::Acceptor, config, listener};
use events::{Event, emit};
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};

/// What a worker says. It is told nothing.
#[derive(Serialize, Deserialize)]
struct Ready;

/// Primary, or one of its workers.
pub(crate) fn main() -> ExitCode {
    cluster_basics::run(primary, worker)
}

/// Fills each slot, and fills it again whenever its worker dies. Never returns: Ctrl-C ends it.
async fn primary() -> Result<ExitCode, StartError> {
    let port = config::port()?;
    let slots = 1..=config::workers(2)?;
    let listener = listener::bind(port).map_err(|source| StartError::Bind {
        setting: "PORT",
        port,
        source,
    })?;
    let address = listener.local_addr()?;
    let mut cluster: Cluster<(), Ready> = Cluster::new(listener);
    for worker in slots {
        let pid = cluster.spawn(worker)?;
        emit(&Event::WorkerStarted { worker, pid, version: None });
    }
    emit(&Event::Listening { address, admin: None });
    loop {
        match cluster.next().await {
            Notice::Said { worker, pid, message: Ready } => {
                emit(&Event::WorkerReady { worker, pid });
            }
            Notice::Exited { worker, pid, exit } => {
                emit(&Event::WorkerExited { worker, pid, exit });
                let pid = cluster.spawn(worker)?;
                emit(&Event::WorkerStarted { worker, pid, version: None });
            }
        }
    }
}

/// Serves until the primary is gone.
async fn worker(mut worker: Worker<Ready, ()>) -> Result<ExitCode, StartError> {
    let mut connections = Acceptor::start(worker.listener);
    worker.sender.send(&Ready).await?;
    loop {
        tokio::select! {
            Some(stream) = connections.next() => {
                let service = service_fn(move |_| ready(Ok::<_, Infallible>(answer(worker.id))));
                let stream = TokioIo::new(stream);
                tokio::spawn(http1::Builder::new().serve_connection(stream, service));
            }
            None = worker.receiver.recv() => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Says which process answers.
fn answer(worker: u32) -> Response<String> {
    let pid = std::process::id();
    Response::new(format!("{{\"worker\":{worker},\"pid\":{pid}}}\n"))
}
