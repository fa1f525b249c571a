//! Waiting for a moment that may never come.

use std::{future::pending, time::Instant};

use tokio::time::sleep_until;

/// Waits until `deadline`; for ever without one. Cancel safe.
pub async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
