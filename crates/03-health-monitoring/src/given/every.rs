//! A look at the clock, again and again.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

/// Ticks each `period`, for the first time after one. Whoever comes late to a tick has the next one
/// a whole `period` later: those in between tell of a time that is over.
///
/// `tick` answers when it was due.
#[must_use]
pub fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}
