//! Counters that never go down.
//!
//! A worker counts from zero. Whoever sums up what is alive sees the sum fall at each replacement,
//! and a rate made of that is nonsense. So the last word of the dead is kept.

use std::collections::BTreeMap;

use crate::given::Counts;

/// What the dead have counted, by slot.
#[derive(Clone, Debug, Default)]
pub struct Totals(BTreeMap<u32, Counts>);

impl Totals {
    /// A worker of `slot` is gone, and this is the last that was known of it.
    pub fn keep(&mut self, slot: u32, last: Counts) {
        let sum = self.0.entry(slot).or_default();
        *sum = *sum + last;
    }

    /// All that was counted in `slot`, by the dead and by the `living`.
    pub fn of(&self, slot: u32, living: impl Iterator<Item = Counts>) -> Counts {
        self.0.get(&slot).copied().into_iter().chain(living).sum()
    }
}
