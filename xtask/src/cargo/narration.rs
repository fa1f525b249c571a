//! What a long build tells the person who waits: that it goes on, and that it is once only.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::messages::Message;
use crate::terminal::{Ticker, is_live, note};

/// A build that is quicker than this needs no words.
const PATIENCE: Duration = Duration::from_secs(1);

/// Off a terminal a build is announced once, however many follow.
static HAS_SAID_SO: AtomicBool = AtomicBool::new(false);

/// More crates than these are dependencies, which are compiled once.
const OWN_CRATES: usize = 8;

/// The running commentary of one build.
pub(super) struct Narration {
    /// Whether anything is told at all.
    is_told: bool,
    started: Instant,
    ticker: Ticker,
    has_begun: bool,
    compiled: usize,
    /// Whether another build holds cargo's lock.
    pub(super) is_blocked: bool,
    latest: String,
}

impl Narration {
    pub(super) fn new(is_told: bool) -> Self {
        Narration {
            is_told,
            started: Instant::now(),
            ticker: Ticker::new(),
            has_begun: !is_told,
            compiled: 0,
            is_blocked: false,
            latest: "building".into(),
        }
    }

    /// How long to wait in silence before [`Narration::begin`]; `None` once it began.
    pub(super) fn until_due(&self) -> Option<Duration> {
        (!self.has_begun).then(|| PATIENCE.saturating_sub(self.started.elapsed()))
    }

    /// It takes a while: says so. Off a terminal this is one line, and another if it takes long.
    pub(super) fn begin(&mut self) -> Option<Message> {
        self.has_begun = true;
        if is_live() {
            self.show();
        } else if !HAS_SAID_SO.swap(true, Ordering::Relaxed) {
            note("Building …");
        }
        None
    }

    /// Takes in a line of cargo, such as `   Compiling tokio v1.54.1`.
    pub(super) fn heard(&mut self, line: &str) {
        let line = line.trim();
        let was_blocked = self.is_blocked;
        self.is_blocked = line.starts_with("Blocking waiting");
        if !self.is_told {
            return;
        }
        if let Some(compiling) = line.strip_prefix("Compiling ") {
            self.compiled += 1;
            let name = compiling.split(' ').next().unwrap_or(compiling);
            self.latest = format!("compiling {name}");
        } else if self.is_blocked {
            self.latest = "waiting for another build to finish".into();
        } else if line.starts_with("Downloading") || line.starts_with("Updating") {
            self.latest = "downloading the dependencies".into();
        } else {
            return;
        }
        if self.has_begun && is_live() {
            self.show();
        } else if self.is_blocked && !was_blocked && !is_live() {
            note("Waiting for another build to finish …");
        } else if self.compiled == OWN_CRATES + 1 {
            note("The dependencies come first, this once: that takes a minute or two.");
        }
    }

    fn show(&mut self) {
        let once = if self.compiled > OWN_CRATES {
            format!(" ({} crates so far; the dependencies are compiled once only)", self.compiled)
        } else {
            String::new()
        };
        self.ticker.show(&format!("{}{once}", self.latest));
    }
}
