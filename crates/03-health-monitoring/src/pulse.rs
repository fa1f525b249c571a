//! The worker's heartbeat.
//!
//! It proves only that whatever sends it is alive. So it is sent from the event loop that answers
//! requests, and not from a thread of its own: that one would beat on in a worker that is stuck.

use tokio::time::{MissedTickBehavior, interval};

use crate::given::Heart;

/// Beats for as long as the event loop turns.
pub async fn beat(heart: Heart) {
    let mut ticks = interval(heart.interval());
    // A loop that was stuck has missed some beats. It makes up for none of them: they would tell of
    // a time that is over.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let due = ticks.tick().await;
        heart.beat(due.elapsed()).await;
    }
}
