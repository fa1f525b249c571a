//! Clients of the tour that count in one counter, and the account of what became of that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
};

use harness::{Cluster, Stage, patience, wire::Failure};

use crate::clients::{Ask, Done, LIMIT, account, ask_any};

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
