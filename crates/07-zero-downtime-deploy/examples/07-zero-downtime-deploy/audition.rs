//! In the next program: what it does in a rehearsal. All that it will do as a primary, as far as that goes
//! without getting in the way of the one that serves.

use std::{fmt::Display, net::SocketAddr, os::unix::net::UnixStream, time::Instant};

use events::Slot;
use supervisor::{Notice, Settings, at, calls::Down};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use zero_downtime_deploy::{Config, DeployLog, Split, Version, talk::Workers};

use crate::will::Legacy;

const QUESTION: &[u8] = b"GET / HTTP/1.1\r\nhost: rehearsal\r\nconnection: close\r\n\r\n";
const GOOD: &[u8] = b"HTTP/1.1 200 ";

/// Whether this program could take the place of the primary at the other end of `socket`.
pub(crate) async fn audition(socket: &UnixStream) -> Result<(), String> {
    let config = Config::from_env().map_err(text)?;
    // Read in full: its words, too, and not only its format.
    Legacy::receive(socket).map_err(text)?;
    let (_, recovered) = DeployLog::open(&config.deploy_log).map_err(text)?;
    serve_once(config.shared, recovered.stable).await
}

/// Starts one worker, behind a port of its own so that no client meets it, and asks it.
async fn serve_once(settings: Settings, version: Version) -> Result<(), String> {
    let mut workers = Workers::listen(Settings { port: 0, ..settings }).map_err(text)?;
    let address = workers.listener().and_then(|it| it.local_addr()).map_err(text)?;
    workers.start_version(Slot(1), version);
    for worker in workers.all() {
        workers.tell_one(worker.pid, Down::News { id: 1, news: Split::default() });
    }
    loop {
        let deadline = workers.deadline(Instant::now());
        tokio::select! {
            notice = workers.next() => match notice {
                Notice::Ready(_) => return ask(address).await,
                Notice::Exited(_, exit) => return Err(format!("its worker ended: {exit}")),
                Notice::Draining(_) | Notice::Drained { .. } | Notice::Report(..) => {}
            },
            () = at(deadline) => workers.kill_overdue(Instant::now()),
        }
    }
}

async fn ask(address: SocketAddr) -> Result<(), String> {
    let mut answer = Vec::new();
    let asked = async {
        let mut client = TcpStream::connect(address).await?;
        client.write_all(QUESTION).await?;
        client.read_to_end(&mut answer).await
    };
    asked.await.map_err(|error| format!("its worker did not answer: {error}"))?;
    if answer.starts_with(GOOD) {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(&answer);
    Err(format!("its worker answered {:?}", answer.lines().next().unwrap_or_default()))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
