//! A moment that may never come, and a tick again and again.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use tokio::time::{Interval, MissedTickBehavior, interval, sleep_until};

/// Waits until `deadline`; forever without one. Cancel safe.
pub async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

/// Ticks each `period`, for the first time after one. After a late tick the next one comes a whole
/// `period` later: the ticks in between would tell of a time that is over.
///
/// `tick` returns when it was due.
#[must_use]
pub fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}
