//! Clients of the tour: one at a worker that it chooses, or many at once.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Barrier},
    thread,
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

/// The settings of a home: the file `name` of the tour's folder, and more. A program with one home knows
/// `DATABASE`, too.
pub(crate) fn in_file(stage: &Stage, name: &str) -> (&'static str, String) {
    ("DATABASE", stage.trial().path(name).display().to_string())
}

/// Adds `done` to the account of the tour.
pub(crate) fn account(stage: &mut Stage, done: &[Done]) {
    let mut ledger = Ledger::default();
    for one in done {
        ledger.count(one.took, &one.outcome);
    }
    stage.account(&ledger);
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
