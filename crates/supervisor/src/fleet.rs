//! Which workers there are: every worker process that was started and not reaped yet.
//!
//! During a roll a slot has two workers for a while. Each is known by its pid, and told apart by its
//! version.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use events::{Pid, Slot, WorkerId};

use crate::{
    lifecycle::{State, WorkerAction, WorkerInput},
    version::Version,
};

/// One worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The slot that it fills.
    pub slot: Slot,
    /// Its process.
    pub pid: Pid,
    /// What it runs; [`Version::FIRST`] in a chapter where versions mean nothing.
    pub version: Version,
    /// When it was started.
    pub born: Instant,
    /// How long it took, from its start to the end of the worker whose slot it took over.
    pub replaced_in: Option<Duration>,
    /// Where it is in its life.
    pub state: State,
    /// Whether it was ever ready. A worker that wasn't has no work to lose.
    pub was_ready: bool,
}

impl Worker {
    /// Its slot and its process.
    #[must_use]
    pub fn id(&self) -> WorkerId {
        WorkerId { slot: self.slot, pid: self.pid }
    }

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

    /// How long it has been ready.
    #[must_use]
    pub fn served(&self, now: Instant) -> Duration {
        self.state.ready_since().map_or(Duration::ZERO, |since| now.duration_since(since))
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub struct Fleet {
    workers: Vec<Worker>,
    /// How many were ever started in each slot.
    starts: BTreeMap<Slot, u64>,
}

impl Fleet {
    /// The workers that another program of this primary left, and how many it had started in each slot.
    pub(crate) fn with(workers: Vec<Worker>, starts: BTreeMap<Slot, u64>) -> Self {
        Fleet { workers, starts }
    }

    /// How many workers were ever started in each slot.
    pub(crate) fn all_starts(&self) -> &BTreeMap<Slot, u64> {
        &self.starts
    }

    /// A worker was started.
    pub fn add(&mut self, worker: Worker) {
        *self.starts.entry(worker.slot).or_default() += 1;
        self.workers.push(worker);
    }

    /// Something happened to the worker `pid`: what must the primary do? A `pid` that isn't ours
    /// (any more) changes nothing.
    pub fn step(&mut self, pid: Pid, input: WorkerInput, now: Instant) -> Option<WorkerAction> {
        let worker = self.workers.iter_mut().find(|worker| worker.pid == pid)?;
        worker.was_ready |= input == WorkerInput::SaidReady;
        let action;
        (worker.state, action) = worker.state.step(input, now);
        action
    }

    /// The worker `pid` was reaped, and is forgotten. Returns what it was before, and not as
    /// `Exited`: the state before decides what its death means.
    pub fn remove(&mut self, pid: Pid) -> Option<Worker> {
        let index = self.workers.iter().position(|worker| worker.pid == pid)?;
        Some(self.workers.remove(index))
    }

    /// The successor that took over the slot of `lost`: younger, ready, and alone there now. It
    /// remembers how long that took.
    pub fn succeed(&mut self, lost: &Worker, now: Instant) -> Option<Worker> {
        let mut there = self.workers.iter_mut().filter(|worker| worker.slot == lost.slot);
        let (Some(successor), None) = (there.next(), there.next()) else { return None };
        if successor.born < lost.born || !successor.state.is_ready() {
            return None;
        }
        successor.replaced_in = Some(now - successor.born);
        Some(*successor)
    }

    /// The worker `pid`.
    #[must_use]
    pub fn get(&self, pid: Pid) -> Option<Worker> {
        self.workers.iter().find(|worker| worker.pid == pid).copied()
    }

    /// Every worker.
    #[must_use]
    pub fn all(&self) -> &[Worker] {
        &self.workers
    }

    /// Every worker in `slot`.
    pub fn in_slot(&self, slot: Slot) -> impl Iterator<Item = &Worker> {
        self.workers.iter().filter(move |worker| worker.slot == slot)
    }

    /// How many workers were ever started in `slot`.
    #[must_use]
    pub fn starts(&self, slot: Slot) -> u64 {
        self.starts.get(&slot).copied().unwrap_or(0)
    }

    /// How many can answer and take new work.
    #[must_use]
    pub fn ready(&self) -> usize {
        self.workers.iter().filter(|worker| worker.state.is_ready()).count()
    }

    /// When the next worker is overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.workers.iter().filter_map(|worker| worker.state.deadline()).min()
    }
}
