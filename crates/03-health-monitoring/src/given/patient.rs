//! What is known of one worker that is ready, or was.

use std::time::{Duration, Instant};

use super::{Beat, Config, Counts, Figures, Verdict, Vitals, Window, Worker};

/// One worker, as its primary knows it.
#[derive(Clone, Debug)]
pub struct Patient {
    /// When its last heartbeat was heard; or when it said that it is ready.
    pub heard: Instant,
    /// How much of the time since then does not count.
    pub excused: Duration,
    /// The heartbeat since which that is: the next one ends it.
    excused_since: Instant,
    /// What that heartbeat said.
    pub beat: Beat,
    /// What its process used when it was examined last.
    pub figures: Figures,
    /// What it has done lately, as of then.
    pub window: Window,
    /// What was found last.
    pub verdict: Verdict,
}

impl Patient {
    /// `worker` has just said that it is ready.
    #[must_use]
    pub fn new(worker: &Worker, config: &Config) -> Self {
        let (now, figures) = (Instant::now(), Figures::of(worker.pid).unwrap_or_default());
        let counts = Counts { cpu: figures.cpu, ..Counts::default() };
        Patient {
            heard: now,
            excused: Duration::ZERO,
            excused_since: now,
            beat: Beat::default(),
            figures,
            window: Window::new(config.window, now, counts),
            verdict: Verdict::Healthy,
        }
    }

    /// Takes the figures of its process `pid`, excuses it for as long as it waited for a core, and adds
    /// what it has counted to the window.
    pub fn examine(&mut self, pid: u32, now: Instant) {
        let before = self.figures;
        self.figures = Figures::of(pid).unwrap_or(before);
        self.excuse(self.figures.starved.saturating_sub(before.starved), now);
        self.window.add(now, self.counts());
    }

    /// So much `time` of its silence does not count, but never more than there is.
    pub fn excuse(&mut self, time: Duration, now: Instant) {
        if self.excused_since != self.heard {
            (self.excused, self.excused_since) = (Duration::ZERO, self.heard);
        }
        self.excused = (self.excused + time).min(now.saturating_duration_since(self.heard));
    }

    /// What it has counted since its start, as far as that is known.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Beat { requests, errors, .. } = self.beat;
        Counts { requests, errors, cpu: self.figures.cpu }
    }

    /// How its process `pid` is at this moment.
    #[must_use]
    pub fn vitals(&self, pid: u32) -> Vitals {
        Vitals::new(self.heard.elapsed(), self.beat, Figures::of(pid).unwrap_or(self.figures))
    }
}
