//! What dead workers had not acknowledged, for the next worker in their slot.

use std::collections::BTreeMap;

use events::Slot;

use crate::{
    Config,
    frame::{Message, Priority},
    queue::Queue,
};

/// By slot. With `REDELIVER=0` there are none: such messages are lost.
pub struct Leftovers {
    is_wanted: bool,
    by_slot: BTreeMap<Slot, Vec<(Message, Priority)>>,
}

impl Leftovers {
    /// None yet.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Leftovers { is_wanted: config.redeliver, by_slot: BTreeMap::new() }
    }

    /// The worker in `slot` has died, and `queue` was its queue.
    pub fn keep(&mut self, slot: Slot, queue: &Queue) {
        if self.is_wanted {
            self.by_slot.insert(slot, queue.unacknowledged());
        }
    }

    /// What the next worker in `slot` must be told first, in this order.
    pub fn take(&mut self, slot: Slot) -> Vec<(Message, Priority)> {
        self.by_slot.remove(&slot).unwrap_or_default()
    }
}
