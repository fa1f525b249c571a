//! Empty slots.

use std::time::Instant;

use supervisor::RestartHistory;

use crate::Workers;

/// Starts a worker in each slot that is empty and may have one by now.
pub fn start_missing(workers: &mut Workers, history: &RestartHistory) {
    for slot in workers.slots() {
        let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
        if is_empty && history.may_start(slot, Instant::now()) {
            workers.start(slot);
        }
    }
}
