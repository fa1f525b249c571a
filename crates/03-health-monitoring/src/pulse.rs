//! The worker's heartbeat.
//!
//! It proves only that whatever sends it is alive. So it is sent from the event loop that answers
//! requests, and not from a thread of its own: that one would beat on in a worker that is stuck.

use crate::given::{Heart, every};

/// Beats for as long as the event loop turns.
pub async fn beat(heart: Heart) {
    let mut ticks = every(heart.interval());
    loop {
        let due = ticks.tick().await;
        heart.beat(due.elapsed()).await;
    }
}
