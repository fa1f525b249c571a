//! The worker's heartbeat.
//!
//! It proves only that its sender is alive. So it is sent from the event loop that answers requests,
//! and not from a thread of its own: that thread would go on in a worker that is stuck.

use health_monitoring::{HeartbeatSender, every};

/// Sends heartbeats for as long as the event loop turns.
pub(crate) async fn heartbeat(sender: HeartbeatSender) {
    let mut ticks = every(sender.interval());
    loop {
        let due = ticks.tick().await;
        sender.send(due.elapsed()).await;
    }
}
