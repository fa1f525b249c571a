//! The messages that a worker has, in the order in which they came.

use std::sync::{Mutex, PoisonError};

use events::Slot;
use serde::Serialize;

/// The most messages that a worker keeps: the oldest go first.
const MOST: usize = 10_000;

/// A message as `GET /messages` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Kept {
    pub(crate) from: Slot,
    pub(crate) text: String,
}

#[derive(Default)]
pub(crate) struct Inbox(Mutex<Vec<Kept>>);

impl Inbox {
    pub(crate) fn keep(&self, from: Slot, text: String) {
        let mut messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if messages.len() == MOST {
            messages.remove(0);
        }
        messages.push(Kept { from, text });
    }

    pub(crate) fn all(&self) -> Vec<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
