//! Who is there: every worker process that was started and not reaped yet.
//!
//! A *slot* is a place to fill, from 1 to `WORKERS`. During a roll a slot has two workers for a
//! while; each is known by its process, and told apart by its version.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{
    given::Version,
    lifecycle::{Action, Input, State},
};

/// One worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The slot that it fills.
    pub slot: u32,
    /// Its process. The number is a name only until it is reaped: then the kernel may use it again.
    pub pid: u32,
    /// What it runs.
    pub version: Version,
    /// When it was started.
    pub born: Instant,
    /// How long it took, from its start to the end of the worker whose slot it took over.
    pub replaced_in: Option<Duration>,
    /// Where it is in its life.
    pub state: State,
}

impl Worker {
    /// When a worker that is ready has been so for `min_ready`.
    #[must_use]
    pub fn available_at(&self, min_ready: Duration) -> Option<Instant> {
        self.state.ready_since().map(|since| since + min_ready)
    }

    /// Whether it is ready, and has been for `min_ready`: long enough to rely on it.
    #[must_use]
    pub fn is_available(&self, min_ready: Duration, now: Instant) -> bool {
        self.available_at(min_ready).is_some_and(|at| now >= at)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    workers: Vec<Worker>,
    /// How many were ever started in each slot.
    starts: BTreeMap<u32, u64>,
}

impl Fleet {
    /// A worker was started.
    pub fn add(&mut self, worker: Worker) {
        *self.starts.entry(worker.slot).or_default() += 1;
        self.workers.push(worker);
    }

    /// Something happened to the worker `pid`: what is there to do? One that is not ours (any more)
    /// changes nothing.
    pub fn step(&mut self, pid: u32, input: Input, now: Instant) -> Option<Action> {
        let worker = self.workers.iter_mut().find(|worker| worker.pid == pid)?;
        let action;
        (worker.state, action) = worker.state.step(input, now);
        action
    }

    /// The worker `pid` was reaped, and is forgotten. Answers with what it was before, and not as
    /// `Exited`: the state before decides what its death means.
    pub fn remove(&mut self, pid: u32) -> Option<Worker> {
        let index = self.workers.iter().position(|worker| worker.pid == pid)?;
        Some(self.workers.remove(index))
    }

    /// The worker that took over the slot of `lost`: younger, ready, and alone there now. How long
    /// that took is noted.
    pub fn succeed(&mut self, lost: &Worker, now: Instant) -> Option<Worker> {
        let mut there = self.workers.iter_mut().filter(|worker| worker.slot == lost.slot);
        let (Some(heir), None) = (there.next(), there.next()) else { return None };
        if heir.born < lost.born || !heir.state.is_ready() {
            return None;
        }
        heir.replaced_in = Some(now - heir.born);
        Some(*heir)
    }

    /// The worker `pid`.
    #[must_use]
    pub fn get(&self, pid: u32) -> Option<Worker> {
        self.workers.iter().find(|worker| worker.pid == pid).copied()
    }

    /// Everybody.
    #[must_use]
    pub fn all(&self) -> &[Worker] {
        &self.workers
    }

    /// Everybody in `slot`.
    pub fn in_slot(&self, slot: u32) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(move |worker| worker.slot == slot)
    }

    /// How many workers were ever started in `slot`.
    #[must_use]
    pub fn starts(&self, slot: u32) -> u64 {
        self.starts.get(&slot).copied().unwrap_or(0)
    }

    /// How many can answer and take new work.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.workers.iter().filter(|worker| worker.state.is_ready()).count()
    }

    /// When somebody's time is up.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.workers.iter().filter_map(|worker| worker.state.deadline()).min()
    }
}
