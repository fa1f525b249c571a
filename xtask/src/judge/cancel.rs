//! Calling off the checks that are under way.

use std::{
    collections::BTreeMap,
    process::ChildStdin,
    sync::{Mutex, PoisonError, mpsc::Sender},
};

use super::promise::News;

/// The checks that are under way, by promise; `None` once they were called off.
pub(super) struct Cancellation(Mutex<Option<BTreeMap<usize, Hold>>>);

/// What keeps one check going: the pipe that it watches, and the thread that waits for it.
pub(super) struct Hold {
    /// Closing it tells the contract's process to end what it started.
    pub(super) pipe: Option<ChildStdin>,
    /// Tells the waiting thread not to expect a report.
    pub(super) waiter: Sender<News>,
}

impl Default for Cancellation {
    fn default() -> Self {
        Cancellation(Mutex::new(Some(BTreeMap::new())))
    }
}

impl Cancellation {
    /// Whether everything was called off.
    pub(super) fn is_cancelled(&self) -> bool {
        self.with(|holds| holds.is_none())
    }

    /// Keeps `hold` until the check is over or called off. When it was already, `hold` is dropped,
    /// which has the same effect.
    pub(super) fn hold(&self, index: usize, hold: Hold) {
        self.with(|holds| match holds {
            Some(holds) => drop(holds.insert(index, hold)),
            None => hold.call_off(),
        });
    }

    /// The check of promise `index` is over.
    pub(super) fn release(&self, index: usize) {
        self.with(|holds| holds.as_mut().and_then(|holds| holds.remove(&index)));
    }

    /// Calls everything off, and whatever would start later.
    pub(super) fn cancel(&self) {
        let holds = self.with(Option::take);
        holds.into_iter().flatten().for_each(|(_, hold)| hold.call_off());
    }

    fn with<T>(&self, f: impl FnOnce(&mut Option<BTreeMap<usize, Hold>>) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Hold {
    fn call_off(self) {
        // The waiter may have just received its report.
        let _ = self.waiter.send(News::CalledOff);
        drop(self.pipe);
    }
}
