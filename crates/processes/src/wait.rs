//! Waiting for something that sends no event: the only place that polls.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_millis(5);

/// Hears the next message, `limit` at most. A pause in which this process itself was stopped (Ctrl-Z)
/// counts as one second, however long it was.
///
/// # Errors
/// As [`Receiver::recv_timeout`].
pub fn hear<T>(messages: &Receiver<T>, limit: Duration) -> Result<T, RecvTimeoutError> {
    const SLICE: Duration = Duration::from_secs(1);
    let mut left = limit;
    loop {
        let slice = left.min(SLICE);
        match messages.recv_timeout(slice) {
            Err(RecvTimeoutError::Timeout) if left > slice => left -= slice,
            heard => return heard,
        }
    }
}

/// Asks `probe` until it answers or `limit` has passed; `None` says that it never did.
///
/// Prefer a blocking read, a condition variable or `wait` where there is one. The process table
/// and a server that may or may not accept have none.
pub fn until<T>(limit: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        // Before the probe: if we were stopped meanwhile, the last look comes after the deadline.
        let is_last = Instant::now() >= deadline;
        let answer = probe();
        if answer.is_some() || is_last {
            return answer;
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "the one poll interval of the project")]
fn pause() {
    std::thread::sleep(INTERVAL);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn the_last_look_comes_after_the_deadline() {
        let began = Instant::now();
        let limit = Duration::from_millis(20);
        let late = until(limit, || (began.elapsed() >= limit).then_some(()));
        assert!(late.is_some());
    }

    #[test]
    fn a_message_is_heard_and_silence_ends() {
        let (sender, messages) = channel();
        let moment = Duration::from_millis(10);
        assert_eq!(hear(&messages, moment), Err(RecvTimeoutError::Timeout));
        sender.send(7).expect("the receiver is there");
        assert_eq!(hear(&messages, moment), Ok(7));
        drop(sender);
        assert_eq!(hear(&messages, moment), Err(RecvTimeoutError::Disconnected));
    }
}
