//! Clients of the tour: one at a worker that it chooses, or many at once.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Stage,
    ledger::Ledger,
    patience,
    who::meet_all,
    wire::{Answer, Connection, Failure, request_with_cookie},
};
use serde_json::Value;

pub(crate) const WORKERS: usize = 4;
/// A time that nothing here takes, unless it hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// A request that is over.
pub(crate) struct Done {
    pub(crate) outcome: Result<Answer, Failure>,
    pub(crate) took: Duration,
}

impl Done {
    /// Its status; 0 without an answer.
    pub(crate) fn status(&self) -> u16 {
        self.outcome.as_ref().map_or(0, |answer| answer.status)
    }

    pub(crate) fn json(&self) -> Value {
        let body = self.outcome.as_ref().map_or("", |answer| &answer.body);
        serde_json::from_str(body).unwrap_or_default()
    }
}

/// What a client asks for.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) cookie: Option<&'a str>,
    pub(crate) body: &'a str,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(path: &'a str) -> Self {
        Ask { method: "GET", path, cookie: None, body: "" }
    }

    pub(crate) fn post(path: &'a str) -> Self {
        Ask { method: "POST", ..Ask::get(path) }
    }

    fn bytes(self) -> String {
        request_with_cookie(self.method, self.path, self.cookie, self.body)
    }
}

/// Asks on `connection`.
pub(crate) fn ask(connection: &mut Connection, what: Ask) -> Done {
    let began = Instant::now();
    let _ = connection.send(what.bytes().as_bytes());
    let outcome = connection.answer();
    Done { outcome, took: began.elapsed() }
}

/// Asks on a new connection to any worker.
pub(crate) fn ask_any(address: SocketAddr, what: Ask) -> Done {
    let began = Instant::now();
    let outcome = Connection::open(address, patience(LIMIT)).and_then(|mut connection| {
        let _ = connection.send(what.bytes().as_bytes());
        connection.answer()
    });
    Done { outcome, took: began.elapsed() }
}

/// A connection to each worker, by slot.
pub(crate) fn doors(stage: &Stage, cluster: &Cluster) -> Kept<BTreeMap<u32, (u32, Connection)>> {
    let met = meet_all(stage.trial(), cluster, "/", WORKERS)?;
    Ok(met.into_values().map(|(who, connection)| (who.worker, (who.pid, connection))).collect())
}

/// Many clients at once: `clients` threads, each with `each` requests on new connections. They begin
/// together.
pub(crate) fn crowd(
    stage: &mut Stage,
    cluster: &Cluster,
    clients: usize,
    each: usize,
    what: Ask<'static>,
) -> Vec<Done> {
    let (address, start) = (cluster.address, Arc::new(Barrier::new(clients)));
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let start = start.clone();
            thread::spawn(move || {
                start.wait();
                (0..each).map(|_| ask_any(address, what)).collect::<Vec<_>>()
            })
        })
        .collect();
    let done: Vec<_> =
        threads.into_iter().filter_map(|client| client.join().ok()).flatten().collect();
    account(stage, &done);
    done
}

/// Adds `done` to the account of the tour.
pub(crate) fn account(stage: &mut Stage, done: &[Done]) {
    let mut ledger = Ledger::default();
    done.iter().for_each(|one| ledger.count(one.took, &one.outcome));
    stage.account(&ledger);
}

/// Clients that count in one counter until they are told to stop.
pub(crate) struct Counting {
    is_over: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<Done>>>,
}

pub(crate) const COUNT: Ask<'static> =
    Ask { method: "POST", path: "/counter?key=k", cookie: None, body: "" };

impl Counting {
    /// Eight clients, each with its next increment after the answer to the last one.
    pub(crate) fn start(cluster: &Cluster) -> Self {
        let (is_over, acknowledged, failed) = <(Arc<AtomicBool>, Arc<_>, Arc<_>)>::default();
        let client = |_| {
            let (address, is_over) = (cluster.address, is_over.clone());
            let (acknowledged, failed) = (Arc::clone(&acknowledged), Arc::clone(&failed));
            thread::spawn(move || {
                let mut done = Vec::new();
                while !is_over.load(SeqCst) {
                    let one = ask_any(address, COUNT);
                    let counter: &AtomicUsize =
                        if one.status() == 200 { &acknowledged } else { &failed };
                    counter.fetch_add(1, SeqCst);
                    // No process listens: the cluster is gone.
                    let is_gone = one.outcome == Err(Failure::Refused);
                    done.push(one);
                    if is_gone {
                        break;
                    }
                }
                done
            })
        };
        let threads = (0..8).map(client).collect();
        Counting { is_over, acknowledged, failed, threads }
    }

    /// Waits until `number` more increments have been acknowledged.
    pub(crate) fn more(&self, number: usize) -> bool {
        let goal = self.acknowledged.load(SeqCst) + number;
        let is_there = || (self.acknowledged.load(SeqCst) >= goal).then_some(());
        processes::until(patience(LIMIT), is_there).is_some()
    }

    /// Waits until `number` more have failed.
    pub(crate) fn more_fail(&self, number: usize) -> bool {
        let goal = self.failed.load(SeqCst) + number;
        let is_there = || (self.failed.load(SeqCst) >= goal).then_some(());
        processes::until(patience(LIMIT), is_there).is_some()
    }

    /// Ends it, and returns what became of each request.
    pub(crate) fn finish(self, stage: &mut Stage) -> Vec<Done> {
        self.is_over.store(true, SeqCst);
        let done = self.threads.into_iter().filter_map(|client| client.join().ok());
        let done: Vec<_> = done.flatten().collect();
        account(stage, &done);
        done
    }
}

/// How many of `done` were acknowledged, and how many have an unknown outcome: those without an answer,
/// and those that were told that it is perhaps done.
pub(crate) fn settle(done: &[Done]) -> (usize, usize) {
    let count = |is: fn(u16) -> bool| done.iter().filter(|one| is(one.status())).count();
    (count(|status| status == 200), count(|status| matches!(status, 0 | 500 | 504)))
}

/// The counter, as any worker says it; `None` without an answer.
pub(crate) fn counter(cluster: &Cluster) -> Option<usize> {
    let said = ask_any(cluster.address, Ask::get("/counter?key=k")).json();
    said["value"].as_u64().and_then(|value| usize::try_from(value).ok())
}

/// The time that `share` of `done` took at most, in milliseconds.
pub(crate) fn quantile(done: &[Done], share: f64) -> f64 {
    let mut took: Vec<f64> = done.iter().map(|one| one.took.as_secs_f64() * 1e3).collect();
    took.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "there are some thousands")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (took.len().saturating_sub(1) as f64 * share).round() as usize;
    took.get(index).copied().unwrap_or_default()
}

/// Milliseconds with one digit behind the point, for a figure.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}
