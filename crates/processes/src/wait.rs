//! Waiting for something that sends no event: the only place that polls.

use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(5);

/// Asks `probe` until it answers or `limit` has passed; `None` says that it never did.
///
/// Prefer a blocking read, a condition variable or `wait` where there is one. The process table
/// and a server that may or may not accept have none.
pub fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= deadline {
            return None;
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one poll interval of the project")]
fn pause() {
    std::thread::sleep(INTERVAL);
}
