//! What the primary knows of one slot, whichever worker fills it.

use std::{collections::BTreeMap, time::Instant};

use events::{Condition, Level, Pid, Slot};

use crate::{Counts, SlotHealth, SlotState, WorkerHealth, Workers};

/// What the primary knows of one slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlotRecord {
    /// Since when no more workers are started in it, if it was given up.
    pub given_up: Option<Instant>,
    /// What its workers that are gone have counted.
    pub gone: Counts,
    /// Its active alert; `None` when all is well.
    pub alert: Option<(Level, Condition)>,
}

impl SlotRecord {
    /// What `/health` says of this slot, which is `slot`: which of the `workers` fills it, what the
    /// primary knows of that one, and what all its workers have counted.
    pub(crate) fn health(
        &self,
        slot: Slot,
        workers: &Workers,
        monitored: &BTreeMap<Pid, WorkerHealth>,
    ) -> SlotHealth {
        let in_slot = || workers.fleet().in_slot(slot);
        let staying = in_slot().filter(|worker| worker.state.is_staying());
        let worker = staying.min_by_key(|worker| worker.born);
        let health = worker.and_then(|worker| monitored.get(&worker.pid));
        let state = match (worker, health) {
            (None, _) if self.given_up.is_some() => SlotState::GivenUp,
            (None, _) => SlotState::Empty,
            (Some(_), None) => SlotState::Starting,
            (Some(_), Some(health)) if health.verdict.is_reliable() => SlotState::Ready,
            (Some(_), Some(_)) => SlotState::Sick,
        };
        let living = in_slot().filter_map(|worker| monitored.get(&worker.pid));
        SlotHealth {
            slot,
            state,
            pid: worker.map(|worker| worker.pid),
            alert: self.alert,
            heartbeat: health.map(WorkerHealth::heartbeat_status),
            usage: worker.zip(health).map(|(worker, health)| health.usage_now(worker.pid)),
            counts: self.gone + living.map(WorkerHealth::counts).sum(),
            restarts: workers.fleet().starts(slot).saturating_sub(1),
        }
    }
}
