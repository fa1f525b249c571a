//! Counters that never go down.
//!
//! A worker counts from zero. Whoever sums up what is alive sees the sum fall at each replacement,
//! and a rate made of that is nonsense. So the last word of the dead is kept with their slot, and
//! [`Health::new`](crate::given::Health::new) adds it to what the living say.

use crate::given::{Counts, Slot};

/// A worker of `slot` is gone, and this is the last that was known of it.
pub fn keep(slot: &mut Slot, last: Counts) {
    slot.gone = slot.gone + last;
}
