//! Reporting an event: one line, one `write`.
//!
//! Several processes share the pipe, and the kernel keeps a write whole only while it is short
//! (`PIPE_BUF`, 4096 bytes on Linux). We stay below 1 KiB and never go through a buffered writer.

use std::{
    io::{IsTerminal, Write},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::Event;

/// The longest line that [`emit`] writes, newline included.
pub const MAX_LINE: usize = 1024;

/// Reports `event` on stdout: JSON for a program that reads it, a sentence for a person at a
/// terminal.
///
/// The reader may be gone (a closed pipe, a terminal that was closed). A cluster must not die of
/// that, so a failed write is deliberately ignored.
pub fn emit(event: impl Into<Event>) {
    let event = event.into();
    let mut stdout = std::io::stdout();
    let line = if stdout.is_terminal() {
        format!("{:8.3}  {}\n", since_first_event(), event)
    } else {
        wire_line(&event)
    };
    let _ = stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush());
}

/// `duration` in whole milliseconds, as events have it.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The line that stands for `event` on the wire.
///
/// # Panics
/// When the line is longer than [`MAX_LINE`]: a bug in the event's producer, not a runtime state.
#[must_use]
pub fn wire_line(event: &Event) -> String {
    let mut line = serde_json::to_string(event).expect("an event has only strings and numbers");
    line.push('\n');
    assert!(line.len() <= MAX_LINE, "an event of {} bytes tears on a shared pipe", line.len());
    line
}

fn since_first_event() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}
