//! Clients of the tour, one request at a time, and its operator.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Stage,
    ledger::Ledger,
    patience,
    wire::{Answer, Connection, Failure, request_with_cookie},
};
use serde_json::Value;

/// A time that nothing here takes, unless it hangs.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// As many connections as make it likely that each worker has some.
const CONNECTIONS: usize = 8;

/// What one request got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) version: String,
}

/// Clients that take turns, and the account of what was asked.
pub(crate) struct Clients {
    address: SocketAddr,
    lines: Vec<Option<Connection>>,
    next: usize,
    pub(crate) ledger: Ledger,
}

impl Clients {
    pub(crate) fn of(cluster: &Cluster) -> Self {
        let lines = (0..CONNECTIONS).map(|_| None).collect();
        Clients { address: cluster.address, lines, next: 0, ledger: Ledger::default() }
    }

    /// One request, of this client if it has a name.
    pub(crate) fn ask(&mut self, name: Option<&str>) -> Got {
        self.next += 1;
        let line = self.next % CONNECTIONS;
        let began = Instant::now();
        let open = self.lines[line].take().and_then(|mut it| (!it.is_closed()).then_some(it));
        let outcome = exchange(self.address, open, "/", name);
        let (outcome, kept) = match outcome {
            Ok((answer, kept)) => (Ok(answer), Some(kept)),
            Err(failure) => (Err(failure), None),
        };
        self.ledger.count(began.elapsed(), &outcome);
        self.lines[line] = kept;
        outcome.map_or_else(|_| Got::default(), |answer| got(&answer))
    }

    /// How many of `number` requests each got the version `version`.
    pub(crate) fn count(&mut self, number: usize, version: &str) -> usize {
        (0..number).filter(|_| self.ask(None).version == version).count()
    }
}

/// A request on `open`, or on a connection of its own.
pub(crate) fn exchange(
    address: SocketAddr,
    open: Option<Connection>,
    path: &str,
    name: Option<&str>,
) -> Result<(Answer, Connection), Failure> {
    let mut connection = match open {
        Some(open) => open,
        None => Connection::open(address, patience(LIMIT))?,
    };
    let cookie = name.map(|name| format!("client={name}"));
    connection.send(request_with_cookie("GET", path, cookie.as_deref(), "").as_bytes())?;
    let answer = connection.answer()?;
    Ok((answer, connection))
}

pub(crate) fn got(answer: &Answer) -> Got {
    let json: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let version = json["version"].as_str().unwrap_or_default().to_owned();
    Got { status: answer.status, version }
}

/// What an operator asks, and the status and the JSON of the answer.
pub(crate) fn operate(
    stage: &Stage,
    cluster: &Cluster,
    method: &str,
    path: &str,
) -> Kept<(u16, Value)> {
    let admin = cluster.admin;
    let admin = admin.ok_or_else(|| stage.trial().broken("an address for operators", "none"))?;
    let asked = Connection::open(admin, patience(LIMIT)).and_then(|mut connection| {
        connection.send(request_with_cookie(method, path, None, "").as_bytes())?;
        connection.answer()
    });
    let answer = asked.map_err(|failure| {
        stage.trial().broken(format!("an answer to {method} {path}"), failure.to_string())
    })?;
    Ok((answer.status, serde_json::from_str(&answer.body).unwrap_or_default()))
}

/// Milliseconds with one digit behind the point, for a figure.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

/// A number of tenths.
pub(crate) fn tenths(number: usize) -> String {
    format!("{}.{}", number / 10, number % 10)
}
