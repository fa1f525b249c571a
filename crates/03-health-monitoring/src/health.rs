//! How the cluster is: what `GET /health` answers.

use std::collections::BTreeMap;

use events::{Condition, HealthEvent, Level, Pid, Slot};
use serde::Serialize;

use crate::{Counts, ResourceUsage, SlotRecord, WorkerHealth, Workers};

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
    /// Its worker is being replaced, or is about to be.
    Sick,
    /// A worker is on its way up.
    Starting,
    /// It has no worker; the next start has to wait.
    Empty,
    /// It has no worker, and no more are started.
    GivenUp,
}

/// What is known of the heartbeats of a worker that was ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeartbeatStatus {
    /// How long ago the primary heard the last one.
    pub heartbeat_age_ms: u64,
    /// By how much that one was late.
    pub lag_ms: u64,
}

/// One slot of `/health`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlotHealth {
    /// Which slot.
    #[serde(rename = "worker")]
    pub slot: Slot,
    /// What it is doing.
    pub state: SlotState,
    /// The process that fills it.
    pub pid: Option<Pid>,
    /// Its active alert, if anything is the matter.
    pub alert: Option<(Level, Condition)>,
    /// The heartbeats of its worker, if it was ready.
    #[serde(flatten)]
    pub heartbeat: Option<HeartbeatStatus>,
    /// What its worker uses, if it was ready.
    #[serde(flatten)]
    pub usage: Option<ResourceUsage>,
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
    /// How the cluster is. `status` says it in one word, given how many of how many slots are ready.
    #[must_use]
    pub fn new(
        slots: &BTreeMap<Slot, SlotRecord>,
        workers: &Workers,
        monitored: &BTreeMap<Pid, WorkerHealth>,
        status: impl FnOnce(usize, usize) -> Status,
    ) -> Self {
        let health =
            |(slot, record): (&Slot, &SlotRecord)| record.health(*slot, workers, monitored);
        let workers: Vec<SlotHealth> = slots.iter().map(health).collect();
        let ready = workers.iter().filter(|slot| slot.state == SlotState::Ready).count();
        Health { status: status(ready, workers.len()), ready, workers }
    }

    /// The same in one line, for the log.
    #[must_use]
    pub fn report(&self) -> HealthEvent {
        HealthEvent::Report {
            ready: self.ready,
            workers: self.workers.len(),
            requests: self.workers.iter().map(|slot| slot.counts.requests).sum(),
            errors: self.workers.iter().map(|slot| slot.counts.errors).sum(),
        }
    }
}
