//! SIGUSR2: each worker gets a successor, one at a time. Chapter 02 teaches this; here it is given, because a
//! roll is when a cluster has more workers than `WORKERS`.

use std::collections::VecDeque;

use events::Pid;

use crate::talk::{Notice, Workers};

/// The workers that must still be replaced, and the roll's one successor.
#[derive(Default)]
pub(crate) struct Roll {
    old: VecDeque<Pid>,
    /// The old worker whose successor is on its way up, or that drains since that is ready.
    leaving: Option<Pid>,
}

impl Roll {
    /// All workers that are there must be replaced.
    pub(crate) fn begin(&mut self, workers: &Workers) {
        self.old = workers.all().iter().map(|worker| worker.pid).collect();
    }

    /// Starts the next successor, if none is on its way.
    pub(crate) fn go_on(&mut self, workers: &mut Workers) {
        while self.leaving.is_none()
            && let Some(pid) = self.old.pop_front()
        {
            // A worker that died meanwhile has a successor already.
            let Some(old) = workers.fleet().get(pid) else { continue };
            self.leaving = Some(pid);
            workers.start(old.slot);
        }
    }

    /// What became of a worker.
    pub(crate) fn hear(&mut self, workers: &mut Workers, notice: &Notice) {
        match notice {
            Notice::Ready(successor) => {
                let old = self.leaving.and_then(|pid| workers.fleet().get(pid));
                if let Some(old) = old.filter(|old| old.slot == successor.slot) {
                    workers.drain(old.pid);
                }
            }
            Notice::Exited(worker, _) => {
                let left = self.leaving.take_if(|pid| *pid == worker.pid);
                // A successor that dies leaves the old worker where it is.
                let old = self.leaving.and_then(|pid| workers.fleet().get(pid));
                if left.is_none() && old.is_some_and(|old| old.slot == worker.slot) {
                    self.leaving = None;
                }
            }
            Notice::Draining(_) | Notice::Drained { .. } | Notice::Report(..) => {}
        }
    }
}
