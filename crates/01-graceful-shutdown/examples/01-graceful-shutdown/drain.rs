//! The worker's side of a shutdown: everything between "drain" and the last closed connection.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use graceful_shutdown::Server;

/// What a drain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drained {
    /// Requests answered since it began.
    pub(crate) answered: usize,
    /// Connections that the deadline closed with a request that was begun and not answered.
    pub(crate) cut: usize,
}

/// Drains `server` within `limit`.
///
/// 1. Say so: readiness fails, and each answer carries `Connection: close`.
/// 2. Stop accepting. What the kernel has queued is still served.
/// 3. Lame duck: serve the open connections for as long as clients let them idle. A request may be
///    on its way already on a connection that looks idle from here.
/// 4. Close what is idle, and the rest as it is answered.
/// 5. At the deadline, cut what is left.
pub(crate) async fn drain(server: &mut Server, lame_duck: Duration, limit: Duration) -> Drained {
    let began = Instant::now();
    let deadline = began + limit;
    let answered_before = server.answered();
    // Readiness first: a load balancer needs time to act on it.
    server.fail_readiness();
    server.announce_close();
    server.stop_accepting().await;
    // Whether they all close by themselves or the time is up: either way, on to the next step.
    let _ = timeout_at(began + lame_duck.min(limit), server.all_closed()).await;
    // From here on a client on an idle connection may have to send its request again.
    server.close_idle();
    let is_in_time = timeout_at(deadline, server.all_closed()).await.is_ok();
    // Cut here, and not by the end of the process: this number becomes the exit code.
    let cut = if is_in_time { 0 } else { server.cut().await };
    Drained { answered: server.answered() - answered_before, cut }
}
