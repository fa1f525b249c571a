//! What the primary knows of one worker that is ready.

use std::time::{Duration, Instant};

use crate::{
    given::{Beat, Config, Counts, Figures, Vitals, Window},
    triage::Need,
    verdict::{Signs, Thresholds, Verdict, judge},
    watch::Watch,
};

/// One patient.
#[derive(Clone, Debug)]
pub struct Ward {
    watch: Watch,
    window: Window,
    beat: Beat,
    figures: Figures,
    /// What was found last. A worker that shall drain never gets well again: without requests there
    /// are no errors either.
    pub verdict: Verdict,
}

impl Ward {
    /// The process `pid` is ready.
    #[must_use]
    pub fn new(pid: u32, config: &Config, now: Instant) -> Self {
        let figures = Figures::of(pid).unwrap_or_default();
        let counts = Counts { cpu: figures.cpu, ..Counts::default() };
        Ward {
            watch: Watch::since(now),
            window: Window::new(config.window, now, counts),
            beat: Beat::default(),
            figures,
            verdict: Verdict::Healthy,
        }
    }

    /// It has sent a heartbeat.
    pub fn heard(&mut self, beat: Beat, now: Instant) {
        self.watch = Watch::since(now);
        self.beat = beat;
    }

    /// Looks at the process `pid`, `late` after it meant to, and judges. Says whether it is found to
    /// have to drain, and was not before.
    pub fn look(&mut self, pid: u32, config: &Config, late: Duration, now: Instant) -> bool {
        self.watch.excuse(late);
        self.figures = Figures::of(pid).unwrap_or(self.figures);
        self.window.add(now, self.counts());
        let Counts { requests, errors, .. } = self.window.counts();
        let signs = Signs {
            silence: self.watch.silence(now),
            rss_bytes: self.figures.rss_bytes,
            requests,
            errors,
            cpu_percent: self.window.cpu_percent(),
        };
        let must_drain = self.need() == Need::Drain;
        let verdict = judge(signs, thresholds(config));
        if !must_drain || matches!(verdict, Verdict::Kill(..)) {
            self.verdict = verdict;
        }
        !must_drain && self.need() == Need::Drain
    }

    /// What is to be done about it.
    #[must_use]
    pub fn need(&self) -> Need {
        match self.verdict {
            Verdict::Healthy | Verdict::Warn(..) => Need::None,
            Verdict::Drain(..) => Need::Drain,
            Verdict::Kill(..) => Need::Kill,
        }
    }

    /// What it has counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let Beat { requests, errors, .. } = self.beat;
        Counts { requests, errors, cpu: self.figures.cpu }
    }

    /// How the process `pid` is at this moment.
    #[must_use]
    pub fn vitals(&self, pid: u32, now: Instant) -> Vitals {
        let age = now.saturating_duration_since(self.watch.heard());
        Vitals::new(age, self.beat, Figures::of(pid).unwrap_or(self.figures))
    }
}

fn thresholds(config: &Config) -> Thresholds {
    Thresholds {
        timeout: config.heartbeat_timeout,
        memory: config.memory_limit,
        errors: config.error_rate_limit,
        min_requests: config.min_requests,
        cpu: config.cpu_limit,
    }
}
