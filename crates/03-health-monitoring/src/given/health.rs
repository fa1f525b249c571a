//! How the cluster is: what `GET /health` answers.

use std::{collections::BTreeMap, time::Duration};

use events::{Condition, Event, Level};
use serde::Serialize;

use super::{Beat, Counts, Figures, Patient, Slot, Workers};

/// The cluster, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every slot has a worker to rely on.
    Healthy,
    /// A majority has.
    Degraded,
    /// Fewer than a majority have: `/health` answers 503.
    Unhealthy,
}

/// What a slot is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotState {
    /// Its worker can be relied on.
    Ready,
    /// Its worker is being replaced, or shall be.
    Sick,
    /// A worker is on its way up.
    Starting,
    /// Nobody is there; the next start has to wait.
    Empty,
    /// Nobody is there, and no more are started.
    GivenUp,
}

/// What is known of a worker that was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Vitals {
    /// For how long nothing was heard of it.
    pub heartbeat_age_ms: u64,
    /// By how much its last heartbeat was late.
    pub lag_ms: u64,
    /// Its memory.
    pub rss_bytes: u64,
    /// Its descriptors.
    pub open_files: u64,
}

impl Vitals {
    /// Those of a worker that was heard of `age` ago, said `beat` then, and uses so much now.
    #[must_use]
    pub fn new(age: Duration, beat: Beat, figures: Figures) -> Self {
        let heartbeat_age_ms = events::millis(age);
        let Figures { rss_bytes, open_files, .. } = figures;
        Vitals { heartbeat_age_ms, lag_ms: beat.lag_ms, rss_bytes, open_files }
    }
}

/// One slot of `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlotHealth {
    /// The slot.
    pub worker: u32,
    /// What it is doing.
    pub state: SlotState,
    /// The process that fills it.
    pub pid: Option<u32>,
    /// What was said last about it, if anything is the matter.
    pub alert: Option<(Level, Condition)>,
    /// What is known of its worker, if it was ready.
    #[serde(flatten)]
    pub vitals: Option<Vitals>,
    /// What all its workers together have counted.
    #[serde(flatten)]
    pub counts: Counts,
    /// Workers that were started in it after the first.
    pub restarts: u64,
}

/// All of `/health`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// In one word.
    pub status: Status,
    /// Slots to rely on.
    pub ready: usize,
    /// Every slot, in order.
    pub workers: Vec<SlotHealth>,
}

impl Health {
    /// How the cluster is; `status` says it in one word, for so many ready slots of so many.
    #[must_use]
    pub fn new(
        slots: &BTreeMap<u32, Slot>,
        workers: &Workers,
        patients: &BTreeMap<u32, Patient>,
        status: impl FnOnce(usize, usize) -> Status,
    ) -> Self {
        let health = |(number, slot): (&u32, &Slot)| slot.health(*number, workers, patients);
        let workers: Vec<SlotHealth> = slots.iter().map(health).collect();
        let ready = workers.iter().filter(|slot| slot.state == SlotState::Ready).count();
        Health { status: status(ready, workers.len()), ready, workers }
    }

    /// The same in one line, for the log.
    #[must_use]
    pub fn report(&self) -> Event {
        Event::Report {
            ready: self.ready,
            workers: self.workers.len(),
            requests: self.workers.iter().map(|slot| slot.counts.requests).sum(),
            errors: self.workers.iter().map(|slot| slot.counts.errors).sum(),
        }
    }
}
