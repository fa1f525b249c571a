//! What several promises need to set their scene.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use harness::{
    Cluster, Kept, Trial,
    client::ask,
    patience,
    who::{self, Who, children, greet},
    wire::Connection,
};
use serde_json::Value;

/// How many workers a cluster has here.
pub(crate) const WORKERS: usize = 3;
/// Heartbeats ten times as fast as a check could wait for otherwise, and a timeout that a worker on
/// a machine without an idle core does not miss.
pub(crate) const FAST: [(&str, &str); 2] =
    [("HEARTBEAT_MS", "200"), ("HEARTBEAT_TIMEOUT_MS", "2000")];
/// Heartbeats so slow that the check is over before one is missed.
pub(crate) const SLOW: [(&str, &str); 2] =
    [("HEARTBEAT_MS", "60000"), ("HEARTBEAT_TIMEOUT_MS", "240000")];
/// More than a worker of any runtime needs, though it has leaked 20 MB.
pub(crate) const MEMORY: (&str, &str) = ("MEMORY_LIMIT_MB", "100");
/// More than [`MEMORY`] allows.
pub(crate) const LEAK: &str = "/leak?mb=110";
/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// `settings` after `first`.
pub(crate) fn with<'a>(
    first: [(&'a str, &'a str); 2],
    settings: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    first.into_iter().chain(settings.iter().copied()).collect()
}

/// A kept-alive connection to each of the three workers, by process.
pub(crate) fn meet_all(trial: &Trial, cluster: &Cluster) -> Kept<BTreeMap<u32, (Who, Connection)>> {
    who::meet_all(trial, cluster, "/", WORKERS)
}

/// The worker in `slot`, out of those that were met.
pub(crate) fn take(
    trial: &Trial,
    met: &mut BTreeMap<u32, (Who, Connection)>,
    slot: u32,
) -> Kept<(Who, Connection)> {
    let pid = met.values().find(|(who, _)| who.worker == slot).map(|(who, _)| who.pid);
    pid.and_then(|pid| met.remove(&pid))
        .ok_or_else(|| trial.broken("workers 1 to 3", format!("no process is worker {slot}")))
}

/// Where the program answers operators.
pub(crate) fn admin(trial: &Trial, cluster: &Cluster) -> Kept<SocketAddr> {
    cluster.admin.ok_or_else(|| {
        trial
            .broken(
                r#"{"event":"listening","address":"…","admin":"127.0.0.1:PORT"}"#,
                "no `admin` in that line",
            )
            .advice("PROTOCOL.md says where `/health` and `/metrics` are answered.")
    })
}

/// One slot, as `/health` has it.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    pub(crate) worker: u32,
    pub(crate) state: String,
    pub(crate) pid: Option<u32>,
    pub(crate) heartbeat_age_ms: Option<u64>,
    pub(crate) lag_ms: u64,
    pub(crate) rss_bytes: u64,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    pub(crate) restarts: u64,
}

impl Seen {
    /// Its state, in words that say so if `/health` has none.
    pub(crate) fn state(&self) -> &str {
        if self.state.is_empty() { "not listed with a state" } else { &self.state }
    }
}

/// What `GET /health` answers: its status, and its slots. It isn't recorded: there may be hundreds.
pub(crate) fn health(trial: &Trial, cluster: &Cluster) -> Kept<(u16, Vec<Seen>)> {
    let (status, body) = ask(admin(trial, cluster)?, "/health").map_err(|error| {
        let expected = "an answer to GET /health, whatever the workers do";
        trial.broken(expected, format!("GET /health: {error}"))
    })?;
    let slots = body["workers"].clone();
    let slots: Result<Vec<Seen>, _> = serde_json::from_value(slots);
    let slots = slots.map_err(|error| {
        let expected = r#"{"status", "ready", "workers": [{"worker", "state", "pid", …}]}"#;
        trial.broken(expected, format!("GET /health: {} ({error})", short(&body)))
    })?;
    Ok((status, slots))
}

fn short(body: &Value) -> String {
    let text = body.to_string();
    if text.chars().count() > 60 {
        text.chars().take(60).chain("…".chars()).collect()
    } else {
        text
    }
}

/// Waits until `/health` shows slot `number` as `is_it` says, for `limit` at most. Returns what
/// it shows then.
pub(crate) fn health_shows(
    trial: &Trial,
    cluster: &Cluster,
    number: u32,
    expected: &str,
    limit: Duration,
    is_it: impl Fn(&Seen) -> bool,
) -> Kept<Seen> {
    let limit = patience(limit);
    let mut last = Seen::default();
    let mut failed = None;
    let found = processes::until(limit, || {
        match health(trial, cluster) {
            Ok((_, slots)) => {
                let slot = slots.into_iter().find(|slot| slot.worker == number);
                last = slot.unwrap_or_default();
            }
            Err(broken) => failed = Some(broken),
        }
        (failed.is_some() || is_it(&last)).then_some(())
    });
    if let Some(broken) = failed {
        return Err(broken);
    }
    if found.is_some() {
        trial.recorder.observe(format!("GET /health: {expected}"));
        return Ok(last);
    }
    let observed = format!("GET /health, {} s later: {}", limit.as_secs(), describe(&last));
    Err(trial.broken(expected, observed))
}

fn describe(slot: &Seen) -> String {
    let Seen { worker, requests, errors, restarts, lag_ms, .. } = slot;
    let state = slot.state();
    format!(
        "worker {worker} {state}, {requests} requests, {errors} errors, {restarts} restarts, \
         lag {lag_ms} ms, heartbeat {} ms ago",
        slot.heartbeat_age_ms.map_or("?".to_owned(), |age| age.to_string())
    )
}

/// Waits until the process `pid` is gone, and three workers answer, without it.
pub(crate) fn replaced(
    trial: &Trial,
    cluster: &Cluster,
    pid: u32,
    limit: Duration,
) -> Kept<BTreeSet<u32>> {
    let limit = patience(limit);
    let is_gone = || (!processes::is_alive(pid) || !cluster.is_running()).then_some(());
    let expected = format!("the worker with pid {pid} is replaced");
    if processes::until(limit, is_gone).is_none() {
        let seconds = limit.as_secs();
        if health(trial, cluster).is_err() {
            let observed = format!("pid {pid} is there, {seconds} s later, and GET /health hangs");
            return Err(trial.broken(expected, observed).advice(
                "The primary is busy with itself. Does `next_move` ever return `None`? A move must \
                 change what it looks at.",
            ));
        }
        let observed = format!("pid {pid} is still there after {seconds} s");
        return Err(trial.broken(expected, observed));
    }
    trial.recorder.observe(format!("pid {pid} is gone"));
    all_answer(trial, cluster).map_err(|broken| broken.expected(expected))
}

/// Waits until three workers are there, and each of them answers.
pub(crate) fn all_answer(trial: &Trial, cluster: &Cluster) -> Kept<BTreeSet<u32>> {
    let limit = patience(PROMPT);
    let (mut there, mut said) = (BTreeSet::new(), BTreeSet::new());
    let found = processes::until(limit, || {
        there = children(cluster);
        said.extend(greet(cluster, "/").into_iter().map(|(who, _)| who.pid));
        let all = there.len() == WORKERS && there.is_subset(&said);
        (all || !cluster.is_running()).then_some(())
    });
    if !cluster.is_running() {
        return Err(trial.broken("three workers that answer", "the primary has ended"));
    }
    let answering = there.intersection(&said).count();
    let observed = format!(
        "{} alive and {answering} of them answer, {} s later",
        there.len(),
        limit.as_secs()
    );
    trial.expect(found.is_some(), "three workers that answer", observed)?;
    let pids: Vec<_> = there.iter().map(u32::to_string).collect();
    trial.recorder.observe(format!("three workers answer: pids {}", pids.join(", ")));
    Ok(there)
}

/// Watches the workers for `time`: they must be `before`, all the while.
pub(crate) fn left_alone(
    trial: &Trial,
    cluster: &Cluster,
    before: &BTreeSet<u32>,
    time: Duration,
) -> Kept {
    let mut there = before.clone();
    processes::until(patience(time), || {
        there = children(cluster);
        (there != *before || !cluster.is_running()).then_some(())
    });
    let gone: Vec<_> = before.difference(&there).map(u32::to_string).collect();
    let new = there.difference(before).count();
    let observed = if !cluster.is_running() {
        "the primary has ended".to_owned()
    } else if gone.is_empty() {
        format!("{new} more, beside the three")
    } else {
        format!("gone: pid {}", gone.join(", pid "))
    };
    trial.expect(there == *before, "the same three workers: none is sick", observed)
}
