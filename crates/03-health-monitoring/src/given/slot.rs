//! What is known of one slot, whoever fills it.

use std::{collections::BTreeMap, time::Instant};

use events::{Condition, Level};

use super::{Counts, Patient, SlotHealth, SlotState, Workers};

/// One slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slot {
    /// Since when no more workers are started in it, if it was given up.
    pub given_up: Option<Instant>,
    /// What those that are gone have counted.
    pub gone: Counts,
    /// What was said last about it; `None` is well.
    pub said: Option<(Level, Condition)>,
}

impl Slot {
    /// What `/health` says of this slot, which is number `number`: who of the `workers` fills it, what
    /// is known of that one among the `patients`, and what all its workers have counted.
    pub(super) fn health(
        &self,
        number: u32,
        workers: &Workers,
        patients: &BTreeMap<u32, Patient>,
    ) -> SlotHealth {
        let in_slot = || workers.fleet().in_slot(number);
        let staying = in_slot().filter(|worker| worker.state.is_staying());
        let worker = staying.min_by_key(|worker| worker.born);
        let patient = worker.and_then(|worker| patients.get(&worker.pid));
        let state = match (worker, patient) {
            (None, _) if self.given_up.is_some() => SlotState::GivenUp,
            (None, _) => SlotState::Empty,
            (Some(_), None) => SlotState::Starting,
            (Some(_), Some(patient)) if patient.verdict.is_reliable() => SlotState::Ready,
            (Some(_), Some(_)) => SlotState::Sick,
        };
        let living = in_slot().filter_map(|worker| patients.get(&worker.pid));
        SlotHealth {
            worker: number,
            state,
            pid: worker.map(|worker| worker.pid),
            alert: self.said,
            vitals: worker.zip(patient).map(|(worker, patient)| patient.vitals(worker.pid)),
            counts: self.gone + living.map(Patient::counts).sum(),
            restarts: workers.fleet().starts(number).saturating_sub(1),
        }
    }
}
