//! Threads that witness what a program prints, and its end.

use std::{
    io::{BufRead, BufReader, Read},
    process::Child,
    sync::{
        Arc, OnceLock,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use events::Exit;

use crate::recorder::Recorder;

/// How the entry begins that says how the program ended.
pub(crate) const ENDED: &str = "the primary ended: ";

/// Longer lines are cut: no story shows them, and a line without end must not fill our memory.
const MAX_LINE: u64 = 2048;

/// How long the end of the program waits for its last words, so that they are recorded before it.
/// A process that it left behind may hold the pipe open forever.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Records what the program prints, and goes on reading whatever it does: a full pipe would stop
/// it. What it returns is disconnected when the pipe is closed.
pub(super) fn pump(recorder: &Recorder, pipe: Option<impl Read + Send + 'static>) -> Receiver<()> {
    let (open, closed) = channel();
    let Some(pipe) = pipe else { return closed };
    let recorder = recorder.clone();
    thread::spawn(move || {
        let _open = open;
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        while let Ok(1..) = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end();
            if !text.is_empty() && !text.starts_with("note: run with `RUST_BACKTRACE") {
                recorder.hear(text);
            }
            line.clear();
        }
    });
    closed
}

/// Records the end of the program, and makes it known through `exit`.
pub(super) fn watch(
    mut child: Child,
    pipes_closed: [Receiver<()>; 2],
    recorder: Recorder,
    exit: Arc<OnceLock<Exit>>,
) {
    let pid = child.id();
    thread::spawn(move || {
        let Ok(status) = child.wait() else { return };
        let ended = Exit::from(status);
        for closed in pipes_closed {
            let _ = closed.recv_timeout(LAST_WORDS);
        }
        // Known before it is recorded: the thread that the entry wakes finds it.
        let _ = exit.set(ended);
        recorder.observe(format!("{ENDED}{ended} (pid {pid})"));
    });
}
