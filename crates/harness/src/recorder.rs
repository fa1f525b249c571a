//! One clock for what the program reported and what the tester did and saw.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use events::{Entry, Event, ServiceEvent, Source, panic, spin::FLOOD};

/// Entries kept at most.
const MAX_ENTRIES: usize = 4000;
/// Reports of the program kept at most: a program that floods its output must not fill our memory,
/// nor take the place of what we do and see ourselves.
const MAX_REPORTS: usize = 2000;
/// Lines of its plain output kept at most.
const MAX_OUTPUT: usize = 200;

/// Lines of panics kept beyond that: they say more than all others.
const MAX_PANIC_LINES: usize = 20;

/// A place in the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(usize);

impl Moment {
    pub(crate) fn index(self) -> usize {
        self.0
    }
}

/// Hears each entry as it is recorded.
pub type Listener = Box<dyn Fn(&Entry) + Send + Sync>;

/// The recording. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

struct Shared {
    began: Instant,
    tape: Mutex<Tape>,
    news: Condvar,
    listener: Option<Listener>,
}

#[derive(Default)]
struct Tape {
    entries: Vec<Entry>,
    /// Where the program was started.
    starts: Vec<usize>,
    reports: usize,
    output_lines: usize,
    panic_lines: usize,
    /// Whether the next line of output says why the program panicked.
    is_in_a_panic: bool,
}

impl Default for Recorder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Recorder {
    /// An empty recording that begins now; `listener` hears each entry as it is made.
    #[must_use]
    pub fn new(listener: Option<Listener>) -> Self {
        let shared = Shared {
            began: Instant::now(),
            tape: Mutex::default(),
            news: Condvar::new(),
            listener,
        };
        Recorder { shared: Arc::new(shared) }
    }

    /// Records something that the tester did or saw.
    pub fn observe(&self, text: impl Into<String>) -> Moment {
        self.push(Entry::observed(self.now(), text))
    }

    /// Records that the program is started: here a run begins.
    pub fn started(&self, text: impl Into<String>) -> Moment {
        let moment = self.observe(text);
        self.tape().starts.push(moment.0);
        moment
    }

    /// Records something for the story alone: no listener hears it.
    pub(crate) fn remark(&self, text: impl Into<String>) {
        self.keep(Entry::observed(self.now(), text));
    }

    /// Where the program was started.
    pub(crate) fn starts(&self) -> Vec<usize> {
        self.tape().starts.clone()
    }

    /// Records a line that the program printed.
    pub fn hear(&self, line: &str) {
        let entry = Entry::from_line(self.now(), line);
        let is_of_a_panic = self.is_of_a_panic(&entry);
        if self.is_bearable(entry.event.as_ref()) || is_of_a_panic {
            self.push(entry);
        }
    }

    /// Whether `entry` announces a panic or is the line after that; false after many of those.
    fn is_of_a_panic(&self, entry: &Entry) -> bool {
        let mut tape = self.tape();
        let announces = panic::place(entry).is_some();
        let explains = tape.is_in_a_panic && entry.source == Source::Output;
        tape.is_in_a_panic = announces || (tape.is_in_a_panic && !explains);
        tape.panic_lines += usize::from(announces || explains);
        (announces || explains) && tape.panic_lines <= MAX_PANIC_LINES
    }

    /// Counts one more report or line of output; whether it may be recorded.
    fn is_bearable(&self, event: Option<&Event>) -> bool {
        let mut tape = self.tape();
        let (count, most, what) = match event {
            // Nothing goes on without it.
            Some(Event::Service(ServiceEvent::Listening { .. })) => return true,
            Some(_) => (&mut tape.reports, MAX_REPORTS, "reports"),
            None => (&mut tape.output_lines, MAX_OUTPUT, "prints"),
        };
        *count += 1;
        let beyond = count.saturating_sub(most);
        drop(tape);
        if beyond == 1 {
            self.observe(format!("the program {what}{FLOOD}"));
        }
        beyond == 0
    }

    /// Seconds since the recording began.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.shared.began.elapsed().as_secs_f64()
    }

    /// When `moment` was, in seconds since the recording began.
    #[must_use]
    pub fn time_of(&self, moment: Moment) -> f64 {
        self.tape().entries.get(moment.0).map_or(0.0, |entry| entry.at)
    }

    /// Everything recorded so far.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.tape().entries.clone()
    }

    /// Waits until `find` makes something of the recording, `limit` at most.
    pub fn wait<T>(
        &self,
        limit: Duration,
        mut find: impl FnMut(&[Entry]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut tape = self.tape();
        loop {
            if let Some(found) = find(&tape.entries) {
                return Some(found);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            tape =
                self.shared.news.wait_timeout(tape, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for a report, `limit` at most. It is testimony: enough to go on, not to judge by.
    pub fn wait_for_report(
        &self,
        limit: Duration,
        mut is_it: impl FnMut(&Event) -> bool,
    ) -> Option<Event> {
        self.wait(limit, |entries| {
            entries
                .iter()
                .filter_map(|entry| entry.event.as_ref())
                .find(|event| is_it(event))
                .cloned()
        })
    }

    fn push(&self, entry: Entry) -> Moment {
        let tape = self.tape();
        if let Some(listener) = &self.shared.listener {
            listener(&entry);
        }
        self.keep_on(tape, entry)
    }

    fn keep(&self, entry: Entry) -> Moment {
        self.keep_on(self.tape(), entry)
    }

    fn keep_on(&self, mut tape: MutexGuard<Tape>, entry: Entry) -> Moment {
        if tape.entries.len() < MAX_ENTRIES {
            tape.entries.push(entry);
        }
        self.shared.news.notify_all();
        Moment(tape.entries.len() - 1)
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.shared.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
