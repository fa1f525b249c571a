//! Reporting an event: one line, one `write`.
//!
//! Several processes share the pipe, and the kernel keeps a write whole only while it is short
//! (`PIPE_BUF`, 4096 bytes on Linux). An event has at most 1 KiB, and each line is flushed: Rust's
//! stdout passes a whole line on in one `write` while its buffer is empty.

use std::{
    fmt::Display,
    io::{IsTerminal, stderr, stdout},
    sync::OnceLock,
    time::{Duration, Instant},
};

use crate::{Event, ServiceEvent, numbers::count, output::Output};

/// The longest line that [`emit`] writes, newline included.
pub const MAX_LINE: usize = 1024;

static STDOUT: Output =
    Output::new(|| Box::new(stdout()), |count| line(&ServiceEvent::EventsDropped { count }.into()));

static STDERR: Output = Output::new(
    || Box::new(stderr()),
    |dropped| {
        let lines = count(usize::try_from(dropped).unwrap_or(usize::MAX), "line");
        format!("{lines} dropped here\n")
    },
);

/// Reports `event` on stdout: JSON for a program that reads it, a sentence for a person at a
/// terminal. It never blocks: see [`crate::output`].
pub fn emit(event: impl Into<Event>) {
    STDOUT.send(line(&event.into()));
}

/// Writes `text` to stderr, as a line. It never blocks, and never panics.
pub fn warn(text: impl Display) {
    STDERR.send(format!("{text}\n"));
}

/// Waits until all of that was written, `limit` at most, and returns whether it was. A process that ends
/// without it may lose its last lines.
pub fn flush(limit: Duration) -> bool {
    let began = Instant::now();
    // The reason of the end first: an event can be counted as dropped, and an error can't.
    let is_written = STDERR.flush(limit);
    STDOUT.flush(limit.saturating_sub(began.elapsed())) && is_written
}

/// Starts the threads that write, which otherwise come with the first line: for a program that cares what
/// its threads inherit.
pub fn start_threads() {
    STDOUT.start();
    STDERR.start();
}

fn line(event: &Event) -> String {
    if stdout().is_terminal() {
        format!("{:8.3}  {event}\n", since_first_event())
    } else {
        wire_line(event)
    }
}

/// `duration` in whole milliseconds, as events have it.
#[must_use]
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The line that stands for `event` on the wire. A line longer than [`MAX_LINE`] could tear on a
/// shared pipe, so it is dropped, and the line says that instead: a text may come from a worker, and a
/// worker must not end its primary.
#[must_use]
pub fn wire_line(event: &Event) -> String {
    let mut line = serde_json::to_string(event).expect("an event has only strings and numbers");
    line.push('\n');
    if line.len() > MAX_LINE {
        return wire_line(&ServiceEvent::EventsDropped { count: 1 }.into());
    }
    line
}

fn since_first_event() -> f64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_secs_f64()
}
