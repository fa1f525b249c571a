//! Output that never blocks its writer.
//!
//! A log collector that stalls, or a terminal that was stopped, fills the pipe; the next `write`
//! then blocks for as long as the reader likes. A primary that blocks there hears no worker, hears
//! no signal and reaps no worker. So lines wait in a bounded queue, and a thread of its own writes
//! them. When the queue is full, lines are dropped and counted, and the next line that gets through
//! says how many.

use std::{
    collections::VecDeque,
    io::Write,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

/// The longest queue, in lines. An event has at most 1 KiB, so a queue of events has at most 1 MiB.
const LONGEST: usize = 1024;

/// Lines on their way to one stream.
pub(crate) struct Output {
    open: fn() -> Box<dyn Write>,
    how_many: fn(u64) -> String,
    queue: Mutex<Queue>,
    changed: Condvar,
}

struct Queue {
    lines: VecDeque<String>,
    has_thread: bool,
    is_writing: bool,
    dropped: u64,
}

impl Output {
    /// Output to the stream that `open` returns; `how_many` says in a line how many were dropped.
    pub(crate) const fn new(open: fn() -> Box<dyn Write>, how_many: fn(u64) -> String) -> Self {
        let lines = VecDeque::new();
        let queue = Queue { lines, has_thread: false, is_writing: false, dropped: 0 };
        Output { open, how_many, queue: Mutex::new(queue), changed: Condvar::new() }
    }

    /// Starts the thread that writes, unless it is there.
    pub(crate) fn start(&'static self) {
        drop(self.started());
    }

    fn started(&'static self) -> MutexGuard<'static, Queue> {
        let mut queue = self.lock();
        // A machine may have no thread left. Then the lines wait, and the next line tries again.
        queue.has_thread = queue.has_thread || self.start_thread();
        queue
    }

    /// Adds `line`, which a thread writes. Without room it is dropped and counted.
    pub(crate) fn send(&'static self, line: String) {
        let mut queue = self.started();
        // Room for the line that says how many were dropped, too.
        if queue.lines.len() + 2 > LONGEST {
            queue.dropped += 1;
            return;
        }
        if queue.dropped > 0 {
            let dropped = std::mem::take(&mut queue.dropped);
            queue.lines.push_back((self.how_many)(dropped));
        }
        queue.lines.push_back(line);
        self.changed.notify_all();
    }

    /// Waits until every line was written, `limit` at most: the reader may never read again. Returns
    /// whether every line was. What wasn't is lost with the process.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        let is_busy = |queue: &mut Queue| queue.is_writing || !queue.lines.is_empty();
        let waited = self.changed.wait_timeout_while(self.lock(), limit, is_busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    fn start_thread(&'static self) -> bool {
        let thread = thread::Builder::new().name("output".to_owned());
        thread.spawn(|| self.write_to((self.open)())).is_ok()
    }

    fn write_to(&self, mut stream: Box<dyn Write>) {
        loop {
            let mut queue = self.lock();
            while queue.lines.is_empty() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let line = queue.lines.pop_front().unwrap_or_default();
            queue.is_writing = true;
            drop(queue);
            // One `write` a line. A reader that is gone, or a full disk, isn't a reason to end.
            let written = stream.write_all(line.as_bytes()).and_then(|()| stream.flush());
            let mut queue = self.lock();
            queue.is_writing = false;
            queue.dropped += u64::from(written.is_err());
            drop(queue);
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::mpsc::{Receiver, Sender, channel},
    };

    use super::*;

    /// A stream that hands over each write, and takes the next one only when it is told to.
    struct Slow(Sender<String>, Receiver<()>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
            let _ = self.1.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    static ENDS: Mutex<Option<Slow>> = Mutex::new(None);

    #[test]
    fn what_does_not_fit_is_dropped_and_counted_and_nothing_blocks() {
        static OUTPUT: Output = Output::new(
            || Box::new(ENDS.lock().ok().and_then(|mut ends| ends.take()).expect("one stream")),
            |dropped| format!("{dropped} dropped"),
        );
        let (written, writes) = channel();
        let (go_on, told) = channel();
        *ENDS.lock().expect("no test panicked") = Some(Slow(written, told));
        OUTPUT.send("first".to_owned());
        assert_eq!(writes.recv().as_deref(), Ok("first"));
        for line in 0..LONGEST + 99 {
            OUTPUT.send(line.to_string());
        }
        OUTPUT.flush(Duration::ZERO);
        for _ in 0..LONGEST {
            let _ = go_on.send(());
        }
        OUTPUT.flush(Duration::from_mins(1));
        OUTPUT.send("last".to_owned());
        drop(go_on);
        let later: Vec<String> = writes.iter().take(LONGEST + 1).collect();
        assert_eq!(later[LONGEST - 1..], ["100 dropped", "last"]);
    }
}
