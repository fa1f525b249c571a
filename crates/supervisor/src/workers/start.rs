//! How a worker is started, and what becomes of a start that fails.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use events::{Pid, Slot, WorkerEvent, emit, warn};
use serde::{Serialize, de::DeserializeOwned};

use super::Workers;
use crate::{fleet::Worker, lifecycle::State, messages::ToWorker, version::Version};

/// A failed start is reported after this pause: what is missing (memory, descriptors, processes) is
/// still missing a moment later, and a primary that tries again at once only burns CPU.
const FAILED_START_PAUSE: Duration = Duration::from_millis(200);

impl<Order, Report> Workers<Order, Report>
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// Starts a worker in `slot`. It isn't ready yet, and overdue after `READY_TIMEOUT_MS`. There
    /// may be another worker in that slot.
    ///
    /// A start that fails (no process, no descriptor left) is a death like any other: its `Exited`
    /// follows.
    pub fn start(&mut self, slot: Slot) {
        self.start_as(slot, Version::FIRST, None, None);
    }

    /// The same, with a `version`: the worker finds it in `VERSION`, and events name it.
    pub fn start_version(&mut self, slot: Slot, version: Version) {
        self.has_versions = true;
        self.start_as(slot, version, Some(version.to_string()), None);
    }

    /// The same, from the file `program` instead of our own: a release.
    pub fn start_release(&mut self, slot: Slot, version: Version, program: &Path) {
        self.has_versions = true;
        self.start_as(slot, version, Some(version.to_string()), Some(program));
    }

    fn start_as(
        &mut self,
        slot: Slot,
        version: Version,
        named: Option<String>,
        program: Option<&Path>,
    ) {
        let born = Instant::now();
        let variable: Vec<_> = named.iter().map(|version| ("VERSION", version.as_str())).collect();
        let started = match program {
            Some(program) => self.cluster.spawn_program(program, slot, &variable),
            None => self.cluster.spawn_with(slot, &variable),
        };
        // A failed start is in the fleet, too: until its `Exited` no plan starts another one there.
        let pid = *started.as_ref().unwrap_or(&self.no_process());
        let state = State::started(born, self.settings.ready_timeout);
        let worker =
            Worker { slot, pid, version, born, state, was_ready: false, replaced_in: None };
        self.fleet.add(worker);
        if let Err(error) = started {
            warn(format_args!("no worker can be started in slot {slot}: {error}"));
            self.failed_starts.push_back((pid, born + FAILED_START_PAUSE));
            return;
        }
        emit(WorkerEvent::Started { id: worker.id(), version: named });
        // It missed what the others were told before it was born.
        if let Some(order) = self.standing_order.clone() {
            self.tell(pid, &ToWorker::Order(order));
        }
    }

    /// A pid for a worker that could not be started. No process has it, and no other worker.
    fn no_process(&self) -> Pid {
        let beyond = (0..).map(|n| Pid(u32::MAX - n));
        beyond
            .take(self.fleet.all().len() + 1)
            .find(|pid| self.fleet.get(*pid).is_none())
            .unwrap_or(Pid(0))
    }
}
