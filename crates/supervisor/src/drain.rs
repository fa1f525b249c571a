//! The worker's side of a shutdown: everything between "drain" and the last closed connection.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::server::Server;

/// What a drain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests answered since it began.
    pub answered: usize,
    /// Connections that the deadline closed with a request that was begun and not answered.
    pub cut: usize,
}

/// Drains `server` within `limit`. Chapter 01 teaches why in this order, and its example has the
/// same steps with their reasons.
pub async fn drain(server: &mut Server, lame_duck: Duration, limit: Duration) -> Drained {
    let began = Instant::now();
    let deadline = began + limit;
    let answered_before = server.answered();
    // Chapter 01's example says why each step stands where it does.
    server.fail_readiness();
    server.announce_close();
    server.stop_accepting().await;
    // Whether they all close by themselves or the time is up: either way, on to the next step.
    let _ = timeout_at(began + lame_duck.min(limit), server.all_closed()).await;
    server.close_idle();
    let is_in_time = timeout_at(deadline, server.all_closed()).await.is_ok();
    let cut = if is_in_time { 0 } else { server.cut().await };
    Drained { answered: server.answered() - answered_before, cut }
}
