//! What happened in the last while.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::Counts;

/// Counts of the last while, as of several moments.
#[derive(Clone, Debug)]
pub struct Window {
    length: Duration,
    samples: VecDeque<(Instant, Counts)>,
}

impl Window {
    /// A window that looks back for `length`, and begins with `counts`.
    #[must_use]
    pub fn new(length: Duration, now: Instant, counts: Counts) -> Self {
        Window { length, samples: VecDeque::from([(now, counts)]) }
    }

    /// Adds what was counted until `now`, since the worker's start. What is too old is forgotten,
    /// but for the newest of that: it is what the others are compared with.
    pub fn add(&mut self, now: Instant, counts: Counts) {
        let is_old = |(at, _): &(Instant, Counts)| now.duration_since(*at) >= self.length;
        while self.samples.get(1).is_some_and(is_old) {
            self.samples.pop_front();
        }
        self.samples.push_back((now, counts));
    }

    /// What was counted within the window. A faulty worker may count backwards.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (_, first, last) = self.ends();
        Counts {
            requests: last.requests.saturating_sub(first.requests),
            errors: last.errors.saturating_sub(first.errors),
            cpu: last.cpu.saturating_sub(first.cpu),
        }
    }

    /// How many percent of a core were used; `None` before the window is full: a start is work.
    #[must_use]
    pub fn cpu_percent(&self) -> Option<u64> {
        let (time, _, _) = self.ends();
        let percent = || self.counts().cpu.as_micros() * 100 / time.as_micros().max(1);
        (time >= self.length).then(percent).and_then(|percent| u64::try_from(percent).ok())
    }

    fn ends(&self) -> (Duration, Counts, Counts) {
        match (self.samples.front(), self.samples.back()) {
            (Some((began, first)), Some((ended, last))) => (*ended - *began, *first, *last),
            _ => (Duration::ZERO, Counts::default(), Counts::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn what_is_too_old_is_forgotten() {
        let began = Instant::now();
        let at = |second: u64, requests| {
            (began + S(second), Counts { requests, errors: requests / 2, cpu: S(second) / 2 })
        };
        let mut window = Window::new(S(30), began, Counts::default());
        for (now, counts) in [at(10, 100), at(29, 150)] {
            window.add(now, counts);
        }
        assert_eq!((window.counts().requests, window.counts().errors), (150, 75));
        assert_eq!(window.cpu_percent(), None);
        for (now, counts) in [at(40, 160), at(41, 170)] {
            window.add(now, counts);
        }
        assert_eq!((window.counts().requests, window.counts().errors), (70, 35));
        assert_eq!(window.cpu_percent(), Some(50));
    }
}
