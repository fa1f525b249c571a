//! A cluster with a log of its own, an operator, and a load.

use std::{fs, time::Duration};

use harness::{
    Cluster, Kept, Trial,
    ledger::Ledger,
    load::{Clients, Connections},
    who,
    wire::{Connection, request},
};
use serde_json::Value;

pub(crate) const LIMIT: Duration = Duration::from_mins(1);
pub(crate) const WORKERS: usize = 4;
/// The bad version, and what is wrong with it.
pub(crate) const FAULTS: (&str, &str) = ("FAULTS", "1.1.0:errors:10");

/// Eight clients without a pause to speak of.
pub(crate) const LOAD: [Clients; 2] = [
    Clients::new(4, Connections::KeptAlive, "/", 1),
    Clients::new(4, Connections::OnePerRequest, "/", 1),
];

/// A cluster that knows of no deploy before.
pub(crate) fn start(trial: &Trial, settings: &[(&str, &str)]) -> Kept<Cluster> {
    let _ = fs::remove_file(trial.path("deploys.log"));
    start_again(trial, settings)
}

/// A cluster that goes on with the log.
pub(crate) fn start_again(trial: &Trial, settings: &[(&str, &str)]) -> Kept<Cluster> {
    let usual = [("LAME_DUCK_MS", "50"), ("MIN_READY_MS", "0"), ("SLOWER_BY_MS", "60000")];
    let cluster = trial.start(&[&usual[..], settings].concat())?;
    who::meet_all(trial, &cluster, "/", WORKERS)?;
    Ok(cluster)
}

/// What an operator is told.
pub(crate) fn operate(trial: &Trial, cluster: &Cluster, method: &str, path: &str) -> Kept<Value> {
    let admin = cluster.admin.ok_or_else(|| trial.broken("an address for operators", "none"))?;
    let asked = Connection::open(admin, LIMIT).and_then(|mut connection| {
        connection.send(request(method, path, "").as_bytes())?;
        connection.answer()
    });
    let answer = asked.map_err(|failure| trial.broken("an answer", failure.to_string()))?;
    Ok(serde_json::from_str(&answer.body).unwrap_or_default())
}

pub(crate) fn deploy(trial: &Trial, cluster: &Cluster, version: &str) -> Kept {
    operate(trial, cluster, "POST", &format!("/deploy?version={version}")).map(|_| ())
}

/// Waits until the operator is told that this is so.
pub(crate) fn until(trial: &Trial, cluster: &Cluster, is_so: impl Fn(&Value) -> bool) -> Kept {
    let said = || operate(trial, cluster, "GET", "/deploy").ok().filter(|said| is_so(said));
    let done = processes::until(LIMIT, || said().map(|_| ())).is_some();
    trial.expect(done, "a deploy that goes on", "it does not")
}

/// Requests that got no good answer.
pub(crate) fn bad(ledger: &Ledger) -> u64 {
    let errors: u64 =
        ledger.answered.iter().filter(|(status, _)| **status >= 500).map(|it| *it.1).sum();
    errors + ledger.lost() + ledger.refused
}

pub(crate) fn sum(ledgers: &[Ledger]) -> Ledger {
    ledgers.iter().fold(Ledger::default(), |mut sum, ledger| {
        sum.add(ledger);
        sum
    })
}
