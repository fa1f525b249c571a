//! Who answers: the processes behind an address, as their own answers name them.
//!
//! Each answer of an exercise is a JSON object with at least `worker` and `pid` (PROTOCOL.md). That
//! a `pid` is true is checked where it matters: only a process of the program can be signalled.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    Trial,
    broken::Kept,
    cluster::{Cluster, READ_LIMIT},
    exchange::{Pending, Reply},
    patience,
    wire::{self, Connection},
};

/// How long it may take until each worker has answered once.
const LIMIT: Duration = Duration::from_secs(20);
/// How long one question of many may take. A primary that hands out connections may give one to a
/// worker that was just killed. That question is never answered, and the next question is.
const QUESTION: Duration = Duration::from_secs(3);
/// How long an answer that is there may take until it is read.
const HEARD: Duration = Duration::from_millis(250);

/// Who answered.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Who {
    /// The slot.
    pub worker: u32,
    /// The process.
    pub pid: u32,
    /// What it runs, where there are several versions.
    #[serde(default)]
    pub version: String,
}

/// An answer that is whole: a 200 whose body is the JSON of PROTOCOL.md to its last byte.
///
/// # Errors
/// When it is anything else.
pub fn whole(trial: &Trial, pending: Pending) -> Kept<(Who, Reply)> {
    let reply = pending.expect_200()?;
    match serde_json::from_str(&reply.answer.body) {
        Ok(who) => Ok((who, reply)),
        Err(error) => {
            let body = reply.answer.body.trim();
            let observed = format!("200, and {} bytes that are not it: {error}", body.len());
            let expected = r#"200 and a whole JSON object with "worker" and "pid""#;
            Err(trial.broken(expected, observed).at(reply.moment))
        }
    }
}

/// Asks for `path` on a new connection; returns the connection, and the worker at its other
/// end.
///
/// # Errors
/// When there is no whole answer.
pub fn meet(trial: &Trial, cluster: &Cluster, path: &str) -> Kept<(Who, Connection)> {
    let (who, reply) = whole(trial, cluster.get(path)?)?;
    Ok((who, reply.connection))
}

/// A kept-alive connection to each of `number` workers, by process.
///
/// It goes on connecting for a while: a worker may take its time to start, and one that is dying
/// may take a connection along.
///
/// # Errors
/// When fewer answer.
pub fn meet_all(
    trial: &Trial,
    cluster: &Cluster,
    path: &str,
    number: usize,
) -> Kept<BTreeMap<u32, (Who, Connection)>> {
    let limit = patience(LIMIT);
    let mut met = BTreeMap::new();
    let began = Instant::now();
    let all = processes::until(limit, || {
        // One look at a silent server takes the whole limit: there is no time for another one.
        if began.elapsed() >= limit {
            return None;
        }
        for (who, connection) in greet(cluster, path) {
            met.entry(who.pid).or_insert((who, connection));
        }
        (met.len() == number || !cluster.is_running()).then_some(())
    });
    let pids: Vec<_> = met.keys().map(u32::to_string).collect();
    let pids = pids.join(" and ");
    if all.is_some() && met.len() == number {
        trial.recorder.observe(format!("GET {path}: answered by the processes {pids}"));
        return Ok(met);
    }
    let seconds = limit.as_secs_f64();
    let observed = if !cluster.is_running() {
        "the primary has ended".to_owned()
    } else if met.is_empty() {
        format!("within {seconds:.0} s, no answer to GET {path} that names its process")
    } else {
        format!("within {seconds:.0} s, answers only from the process {pids}")
    };
    Err(trial.broken(format!("answers from {number} processes"), observed))
}

/// One request that is not recorded; who answered it.
#[must_use]
pub fn greet_one(cluster: &Cluster, path: &str) -> Option<Who> {
    let answer = cluster.try_connect().ok()?.get(path).ok()?;
    serde_json::from_str(&answer.body).ok()
}

/// A handful of requests that are not recorded: there may be hundreds. They connect all at once,
/// because nothing promises that connections which come one by one are spread.
///
/// It leaves out a question that is not answered for a while. Ask again, or see
/// [`greet_patiently`].
#[must_use]
pub fn greet(cluster: &Cluster, path: &str) -> Vec<(Who, Connection)> {
    greet_patiently(cluster, path, patience(QUESTION))
}

/// The same for a check that needs each answer, however long it takes up to `limit`.
#[must_use]
pub fn greet_patiently(cluster: &Cluster, path: &str, limit: Duration) -> Vec<(Who, Connection)> {
    let open = |_| Connection::open(cluster.address, limit).ok();
    let mut connections: Vec<Connection> = (0..8).filter_map(open).collect();
    // All questions are out before the first answer is read: a silent server costs the time once.
    let question = wire::request("GET", path, "");
    for connection in &mut connections {
        let _ = connection.send(question.as_bytes());
    }
    let deadline = Instant::now() + limit;
    let hear = |mut connection: Connection| {
        // One silent connection may use up the time. Answers that have arrived on others are read.
        let left = deadline.saturating_duration_since(Instant::now());
        connection.limit_reads(left.max(patience(HEARD))).ok()?;
        let who = serde_json::from_str(&connection.answer().ok()?.body).ok()?;
        // For the next question on this connection, which may take its time.
        connection.limit_reads(patience(READ_LIMIT)).ok()?;
        Some((who, connection))
    };
    connections.into_iter().filter_map(hear).collect()
}

/// Finds out, question by question, whether all workers agree on their version.
#[derive(Debug, Default)]
pub struct Poll {
    /// The workers that are alive.
    pub there: BTreeSet<u32>,
    /// What each of them said that was asked since the last start or end of a worker.
    pub said: BTreeMap<u32, String>,
    /// The last answer of each worker that was ever asked, for the story.
    pub heard: BTreeMap<u32, String>,
    looks: u32,
}

/// While the number of workers is wrong they are asked only on every 16th poll: nothing can be
/// decided then, and more questions would slow the program down.
const SELDOM: u32 = 16;

impl Poll {
    /// Asks a handful more; the version, once exactly `number` workers are there and each has
    /// answered with it.
    pub fn ask(&mut self, cluster: &Cluster, path: &str, number: usize) -> Option<String> {
        let there = children(cluster);
        if there != self.there {
            self.there = there;
            self.said.clear();
        }
        self.looks = self.looks.wrapping_add(1);
        if self.there.len() != number && !self.looks.is_multiple_of(SELDOM) {
            return None;
        }
        let answers = greet(cluster, path).into_iter();
        self.said.extend(answers.map(|(who, _)| (who.pid, who.version)));
        self.heard.extend(self.said.clone());
        let version = self.said.values().next()?.clone();
        let all_agree = self.there.len() == number
            && self.said.keys().eq(&self.there)
            && self.said.values().all(|other| *other == version);
        all_agree.then_some(version)
    }
}

/// The processes that the primary started itself: a process that a worker starts isn't a worker.
#[must_use]
pub fn children(cluster: &Cluster) -> BTreeSet<u32> {
    let processes = cluster.processes().into_iter();
    processes.filter(|process| process.parent == cluster.pid).map(|process| process.pid).collect()
}
