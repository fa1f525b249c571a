//! Calls of the tour: many at once, through workers that it chooses.

use std::{
    collections::BTreeMap,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Stage,
    ledger::Ledger,
    patience,
    who::greet,
    wire::{Answer, Connection, Failure, request},
};
use serde_json::Value;

pub(crate) const WORKERS: u32 = 3;
/// A time that nothing here takes, unless it hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// Kept-alive connections by worker, and which process that was: a new connection might go to a worker
/// that is frozen.
#[derive(Default)]
pub(crate) struct Doors {
    open: BTreeMap<u32, Vec<Connection>>,
    pub(crate) pids: BTreeMap<u32, u32>,
    /// How many `GET /` each worker has answered.
    pub(crate) served: BTreeMap<u32, u64>,
}

/// What came of one request.
pub(crate) struct Ended {
    answer: Result<Answer, Failure>,
    pub(crate) took: Duration,
    pub(crate) at: Instant,
    connection: Connection,
}

/// A request under way, and the worker that it was sent to.
pub(crate) struct Asked(u32, JoinHandle<Ended>);

impl Doors {
    /// Opens connections until there are `each` to each worker.
    pub(crate) fn open(&mut self, stage: &Stage, cluster: &Cluster, each: usize) -> Kept {
        let opened = processes::until(patience(LIMIT), || {
            for (who, connection) in greet(cluster, "/") {
                *self.served.entry(who.worker).or_default() += 1;
                self.pids.insert(who.worker, who.pid);
                self.open.entry(who.worker).or_default().push(connection);
            }
            let has_enough =
                |slot| self.open.get(&slot).is_some_and(|open: &Vec<_>| open.len() >= each);
            ((1..=WORKERS).all(has_enough) || !cluster.is_running()).then_some(())
        });
        let expected = format!("{each} connections to each of {WORKERS} workers");
        stage.trial().expect(opened.is_some() && cluster.is_running(), expected, "fewer")
    }

    /// Forgets the connections to a worker that is gone.
    pub(crate) fn forget(&mut self, worker: u32) {
        self.open.remove(&worker);
        self.pids.remove(&worker);
    }

    /// Sends `method path` to `worker`, on a thread of its own.
    pub(crate) fn send(&mut self, worker: u32, method: &'static str, path: &str) -> Option<Asked> {
        let mut connection = self.open.get_mut(&worker)?.pop()?;
        let request = request(method, path, "");
        let ask = move || {
            let began = Instant::now();
            let answer = connection.send(request.as_bytes()).and_then(|()| {
                let head = connection.read_head()?;
                connection.read_body(&head)
            });
            Ended { answer, took: began.elapsed(), at: Instant::now(), connection }
        };
        Some(Asked(worker, thread::spawn(ask)))
    }

    /// Waits for the end of each of `asked`, in the order in which they were sent.
    pub(crate) fn ended(&mut self, stage: &mut Stage, asked: Vec<Asked>) -> Vec<Finished> {
        let mut ledger = Ledger::default();
        let ended = asked.into_iter().filter_map(|Asked(worker, thread)| {
            let Ended { answer, took, at, connection } = thread.join().ok()?;
            ledger.count(took, &answer);
            self.open.entry(worker).or_default().push(connection);
            let (status, body) = answer.map_or((0, String::new()), |one| (one.status, one.body));
            Some(Finished { status, body, took, at })
        });
        let ended = ended.collect();
        stage.account(&ledger);
        ended
    }

    /// One request, and what came of it.
    pub(crate) fn get(&mut self, stage: &mut Stage, worker: u32, path: &str) -> Finished {
        let asked = self.send(worker, "GET", path).into_iter().collect();
        self.ended(stage, asked).pop().unwrap_or_default()
    }
}

impl Asked {
    pub(crate) fn is_over(&self) -> bool {
        self.1.is_finished()
    }
}

/// A request that is over; status 0 is one without an answer.
pub(crate) struct Finished {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) took: Duration,
    pub(crate) at: Instant,
}

impl Default for Finished {
    fn default() -> Self {
        Finished { status: 0, body: String::new(), took: Duration::ZERO, at: Instant::now() }
    }
}

impl Finished {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// The time that `share` of `ended` took at most, in milliseconds.
pub(crate) fn quantile(ended: &[Finished], share: f64) -> f64 {
    let mut took: Vec<f64> = ended.iter().map(|one| one.took.as_secs_f64() * 1e3).collect();
    took.sort_by(f64::total_cmp);
    #[expect(clippy::cast_precision_loss, reason = "there are some hundreds")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (took.len().saturating_sub(1) as f64 * share).round() as usize;
    took.get(index).copied().unwrap_or_default()
}

/// `millis` with one digit behind the point, for a figure.
pub(crate) fn rounded(millis: f64) -> f64 {
    (millis * 10.0).round() / 10.0
}
