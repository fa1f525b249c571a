//! What a listener per worker costs in a rolling restart, beside a listener that all inherit:
//! `cargo bench -p rolling-restart --bench listeners`.
//!
//! The same worker, the same order of events (the new one is ready, then the old one closes its
//! listener, finishes what it has accepted, and exits), the same load. The only difference is where
//! a worker's listening socket comes from, and what becomes of its queue.

use std::{
    convert::Infallible,
    env, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process::{ExitCode, id},
    time::{Duration, Instant},
};

use cluster_basics::{Cluster, Notice, StartError, Worker};
use events::{Pid, Slot};
use harness::{
    ledger::Ledger,
    load::{Clients, Connections, Load},
};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tokio::{net::TcpStream, task::JoinSet};

const WORKERS: u32 = 4;
/// Workers that are replaced under load, one after the other.
const REPLACED: u32 = 200;
/// How long each request keeps the event loop busy, so that connections wait in a queue. Without
/// that neither way loses anything, and the comparison would prove nothing.
const BUSY: Duration = Duration::from_micros(500);
const BACKLOG: i32 = 128;

const TRAFFIC: &[Clients] = &[Clients {
    number: 32,
    connections: Connections::OnePerRequest,
    path: "/",
    pause: Duration::ZERO,
}];

/// Where a worker's listening socket comes from, and how it is closed.
const KINDS: [(&str, &str); 3] = [
    ("inherited", "one socket, inherited"),
    ("own", "SO_REUSEPORT, closed"),
    ("own-emptied", "SO_REUSEPORT, emptied, closed"),
];

#[derive(Serialize, Deserialize)]
struct Ready;

#[derive(Serialize, Deserialize)]
struct Drain;

fn main() -> ExitCode {
    cluster_basics::run(compare, work)
}

async fn compare() -> Result<ExitCode, StartError> {
    println!("{REPLACED} workers replaced under load");
    for (kind, title) in KINDS {
        let ledger = replace_all(kind).await?;
        println!("  {title:<30} {ledger}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Replaces workers one by one under load, and says what became of the requests.
async fn replace_all(kind: &str) -> io::Result<Ledger> {
    let port = match kind {
        "inherited" => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        // Bound, so that the port is ours, and not listening: no process would accept from it.
        _ => share_port(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.into(),
    };
    port.set_nonblocking(true)?;
    let address = port.local_addr()?;
    let settings = [("KIND", kind), ("ADDRESS", &address.to_string())];
    let mut cluster: Cluster<Drain, Ready> = Cluster::new(port);
    let mut there = Vec::new();
    for slot in Slot::all(WORKERS) {
        there.push(start(&mut cluster, slot, &settings).await?);
    }
    let load = Load::start(address, TRAFFIC);
    for (slot, index) in Slot::all(WORKERS).zip(0..).cycle().take(REPLACED as usize) {
        let new = start(&mut cluster, slot, &settings).await?;
        let old = std::mem::replace(&mut there[index], new);
        cluster.tell(old, &Drain).map_err(io::Error::other)?;
        while !matches!(cluster.next().await, Notice::Exited { .. }) {}
    }
    let sum = load.finish().remove(0);
    cluster.kill_all();
    while !cluster.is_empty() {
        cluster.next().await;
    }
    Ok(sum)
}

/// Starts a worker, and waits until it is ready.
async fn start(
    cluster: &mut Cluster<Drain, Ready>,
    slot: Slot,
    settings: &[(&str, &str)],
) -> io::Result<Pid> {
    let started = cluster.spawn_with(slot, settings)?;
    loop {
        match cluster.next().await {
            Notice::Said { id, message: Ready } if id.pid == started => return Ok(started),
            Notice::Said { .. } | Notice::Garbled { .. } => {}
            Notice::Exited { .. } => return Err(io::Error::other("a worker died")),
        }
    }
}

async fn work(mut place: Worker<Ready, Drain>) -> Result<ExitCode, StartError> {
    let kind = env::var("KIND").unwrap_or_default();
    let listener = if kind == "inherited" { place.listener } else { own_listener()? };
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    place.sender.send(&Ready).await.map_err(io::Error::other)?;
    loop {
        tokio::select! {
            biased;
            told = place.receiver.recv() => match told {
                Ok(Drain) => break,
                Err(_) => return Ok(ExitCode::FAILURE),
            },
            Ok((stream, _)) = listener.accept() => drop(connections.spawn(serve(stream))),
        }
    }
    let listener = listener.into_std()?;
    while kind == "own-emptied"
        && let Ok((stream, _)) = listener.accept()
    {
        stream.set_nonblocking(true)?;
        connections.spawn(serve(TcpStream::from_std(stream)?));
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(ExitCode::SUCCESS)
}

async fn serve(stream: TcpStream) {
    let answer = async |_: Request<Incoming>| {
        let began = Instant::now();
        while began.elapsed() < BUSY {
            std::hint::spin_loop();
        }
        Ok::<_, Infallible>(Response::new(format!("{}\n", id())))
    };
    let mut http = http1::Builder::new();
    let connection =
        http.keep_alive(false).serve_connection(TokioIo::new(stream), service_fn(answer));
    // A client that breaks off is its own business.
    let _ = connection.await;
}

fn own_listener() -> io::Result<TcpListener> {
    let address = env::var("ADDRESS").ok().and_then(|address| address.parse().ok());
    let socket = share_port(address.ok_or_else(|| io::Error::other("no ADDRESS"))?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// A socket that shares its port with others that ask for the same.
fn share_port(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
