//! Empty slots, and what fills and empties them.

use std::time::Instant;

use supervisor::{RestartHistory, at};

use crate::{Notice, Workers};

/// Starts a worker in each slot that is empty and may have one by now.
pub fn start_missing(workers: &mut Workers, history: &RestartHistory) {
    for slot in workers.slots() {
        let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
        if is_empty && history.may_start(slot, Instant::now()) {
            workers.start(slot);
        }
    }
}

/// Waits for what becomes of the workers. A death counts in `history`, and a worker that is overdue is
/// killed. `None` when time has passed: perhaps a slot may have a worker now. Cancel safe.
pub async fn next_notice(workers: &mut Workers, history: &mut RestartHistory) -> Option<Notice> {
    let now = Instant::now();
    let deadlines = [workers.deadline(now), history.deadline(now)];
    tokio::select! {
        notice = workers.next() => {
            if let Notice::Exited(worker, _) = &notice {
                history.count(worker);
            }
            Some(notice)
        }
        () = at(deadlines.into_iter().flatten().min()) => {
            workers.kill_overdue(Instant::now());
            None
        }
    }
}
