//! A client of the tour: it brings tasks, and asks what became of them.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Stage,
    ledger::Ledger,
    patience,
    wire::{Answer, Connection, Failure, request},
};
use serde_json::{Value, json};

/// A time that nothing here takes, unless it hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// One connection to a primary, and the account of what was asked on it.
pub(crate) struct Client {
    address: SocketAddr,
    connection: Option<Connection>,
    pub(crate) ledger: Ledger,
}

impl Client {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        Client::at(cluster.address)
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        Client { address, connection: None, ledger: Ledger::default() }
    }

    /// One request: its status, and its JSON. Status 0: no answer came.
    pub(crate) fn ask(&mut self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let began = Instant::now();
        let outcome = self.exchange(&request(method, path, body));
        self.ledger.count(began.elapsed(), &outcome);
        let Ok(answer) = outcome else {
            self.connection = None;
            return (0, Value::Null);
        };
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_default())
    }

    fn exchange(&mut self, bytes: &str) -> Result<Answer, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address, patience(LIMIT))?,
        };
        connection.send(bytes.as_bytes())?;
        let answer = connection.answer()?;
        if !connection.is_closed() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Brings a task; its number if it was accepted.
    pub(crate) fn submit(&mut self, kind: &str, n: u64) -> Option<u64> {
        let (status, json) =
            self.ask("POST", "/task", &json!({ "type": kind, "n": n }).to_string());
        (status == 202).then(|| json["id"].as_u64()).flatten()
    }

    /// Brings tasks of the numbers `n`; the numbers of those that were accepted.
    pub(crate) fn submit_all(&mut self, kind: &str, n: impl IntoIterator<Item = u64>) -> Vec<u64> {
        n.into_iter().filter_map(|n| self.submit(kind, n)).collect()
    }

    pub(crate) fn task(&mut self, id: u64) -> Value {
        self.ask("GET", &format!("/task/{id}"), "").1
    }

    pub(crate) fn stats(&mut self) -> Value {
        self.ask("GET", "/stats", "").1
    }

    /// Waits until each of `ids` has ended, and returns them.
    pub(crate) fn ended(&mut self, stage: &Stage, ids: &[u64]) -> Kept<Vec<Value>> {
        let mut ended = Vec::new();
        let all = processes::until(patience(LIMIT), || {
            while let Some(id) = ids.get(ended.len()) {
                let task = self.task(*id);
                if !matches!(task["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                    return None;
                }
                ended.push(task);
            }
            Some(())
        });
        let observed = format!("{} of {}", ended.len(), ids.len());
        stage.trial().expect(all.is_some(), "all tasks end", observed)?;
        Ok(ended)
    }
}

/// How many of `tasks` have this status.
pub(crate) fn count(tasks: &[Value], status: &str) -> usize {
    tasks.iter().filter(|task| task["status"] == status).count()
}

/// Milliseconds with one digit behind the point, for a figure.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}
