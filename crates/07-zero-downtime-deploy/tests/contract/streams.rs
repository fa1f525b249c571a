//! An answer without an end moves to another worker, and its client misses nothing.

use std::{
    io::BufRead,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use events::Exit;
use harness::{
    Cluster, Kept, Signal, Trial, client, patience,
    wire::{Connection, request},
};

const READERS: usize = 8;
const PROMPT: Duration = Duration::from_secs(30);

/// What one client saw, over all of its connections.
#[derive(Debug, Default)]
struct Seen {
    last: u64,
    /// Whether the new version has answered it.
    met_new: bool,
    moves: usize,
    wrong: Option<String>,
}

pub(crate) fn a_stream_moves_and_misses_nothing(trial: &Trial) -> Kept {
    let settings = [
        ("STEPS", "50"),
        ("STEP_ANSWERS", "4"),
        ("SLOWER_BY_MS", "60000"),
        // A program that waits for its streams instead takes longer than this check waits.
        ("DRAIN_TIMEOUT_MS", "240000"),
    ];
    let cluster = trial.start(&settings)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<JoinHandle<Seen>> = (0..READERS)
        .map(|_| {
            let (address, is_over) = (cluster.address, is_over.clone());
            thread::spawn(move || follow(address, &is_over))
        })
        .collect();
    trial.recorder.observe(format!("{READERS} clients read /events"));
    let promoted = promote(trial, &cluster);
    is_over.store(true, Ordering::Release);
    promoted?;
    for reader in readers {
        let seen = reader.join().expect("a reader does not panic");
        let expected = "events 1, 2, 3, and so on, over every worker that the client met";
        trial.expect(seen.wrong.is_none(), expected, seen.wrong.unwrap_or_default())?;
        let expected = "a client that was sent to another worker, and to version 1.1.0 in the end";
        let observed = format!("{} moves; met 1.1.0: {}", seen.moves, seen.met_new);
        trial.expect(seen.moves > 0 && seen.met_new, expected, observed)?;
        trial.recorder.observe(format!("{} events without a gap", seen.last));
    }
    at_the_end(trial, &cluster)
}

/// Reads events until `is_over` and the new version has answered, and comes again after each notice.
fn follow(address: SocketAddr, is_over: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    while seen.wrong.is_none() && !(is_over.load(Ordering::Acquire) && seen.met_new) {
        match client::stream(address, "/events?ms=20", seen.last) {
            Ok(lines) => read(lines, is_over, &mut seen),
            // A new connection may be turned away by a worker that closes its listener.
            Err(failure) if failure.is_connect() => {}
            Err(failure) => seen.wrong = Some(format!("no stream: {failure}")),
        }
    }
    seen
}

fn read(lines: impl BufRead, is_over: &AtomicBool, seen: &mut Seen) {
    let mut was_told = false;
    for line in lines.lines() {
        let Ok(line) = line else {
            seen.wrong = Some(format!("cut off after event {}", seen.last));
            return;
        };
        if let Some(id) = line.strip_prefix("id: ") {
            if id.parse() != Ok(seen.last + 1) {
                seen.wrong = Some(format!("event {id} after event {}", seen.last));
                return;
            }
            seen.last += 1;
        }
        was_told |= line.starts_with("retry: ");
        if line.starts_with("data: ") && line.contains(r#""version":"1.1.0""#) {
            seen.met_new = true;
            if is_over.load(Ordering::Acquire) {
                return;
            }
        }
    }
    seen.moves += 1;
    if !was_told {
        seen.wrong = Some(format!("the end, and no retry, after event {}", seen.last));
    }
}

/// Deploys 1.1.0, and asks until every slot runs it.
fn promote(trial: &Trial, cluster: &Cluster) -> Kept {
    let admin = cluster
        .admin
        .ok_or_else(|| trial.broken("an address for operators", "no `admin` in `listening`"))?;
    let status = post(admin, "/deploy?version=1.1.0&by=anna");
    let observed = status.map_or("no answer".to_owned(), |status| status.to_string());
    trial.expect(status == Some(202), "POST /deploy: 202", observed)?;
    let limit = patience(PROMPT);
    let mut last = String::new();
    let promoted = processes::until(limit, || {
        let mut connection = cluster.try_connect().ok()?;
        for _ in 0..2 {
            let _ = connection.get("/");
        }
        let (_, deploy) = client::ask(admin, "/deploy").ok()?;
        last = deploy.to_string();
        (deploy["phase"] == "steady" && deploy["version"] == "1.1.0").then_some(())
    });
    let expected = "1.1.0 is promoted, while clients read streams that have no end";
    let observed = format!("GET /deploy, {} s later: {last}", limit.as_secs());
    trial.expect(promoted.is_some(), expected, observed)
}

fn post(address: SocketAddr, path: &str) -> Option<u16> {
    let mut connection = Connection::open(address, patience(PROMPT)).ok()?;
    connection.send(request("POST", path, "").as_bytes()).ok()?;
    connection.answer().ok().map(|answer| answer.status)
}

/// A stream that is open at SIGTERM ends, and counts as no loss.
fn at_the_end(trial: &Trial, cluster: &Cluster) -> Kept {
    let mut lines = client::stream(cluster.address, "/events?ms=20", 0)
        .map_err(|failure| trial.broken("200 for GET /events", failure.to_string()))?
        .lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    trial.expect(first == "id: 1", "id: 1", first)?;
    cluster.signal(Signal::SIGTERM);
    let mut rest = Vec::new();
    let is_whole = lines.try_for_each(|line| line.map(|line| rest.push(line))).is_ok();
    let is_told = rest.iter().any(|line| line.starts_with("retry: "));
    let observed = format!("whole: {is_whole}, with a retry: {is_told}");
    trial.expect(is_whole && is_told, "a stream that is told, and ends", observed)?;
    let exit = cluster.wait_exit(patience(PROMPT))?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    cluster.wait_gone(patience(PROMPT))
}
