//! A promise that was not kept: what was expected, what was observed, and where to look.

mod advice;
mod run;

use events::contract::{Status, Story};

use crate::recorder::{Moment, Recorder};

/// Whether a promise was kept, or what a step of checking it brought.
pub type Kept<T = ()> = Result<T, Broken>;

/// Why a promise was not kept.
#[derive(Clone, Debug)]
pub struct Broken {
    expected: String,
    observed: String,
    advice: Option<String>,
    moment: Option<Moment>,
    is_lacking: bool,
}

impl Broken {
    /// Broken, because `observed` is not what was `expected`.
    pub fn new(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        let (expected, observed) = (expected.into(), observed.into());
        Broken { expected, observed, advice: None, moment: None, is_lacking: false }
    }

    /// Not judged: the program does nothing of what this promise beyond the exercise is about.
    pub fn lacking(what: impl Into<String>) -> Self {
        Broken { is_lacking: true, ..Broken::new("", what) }
    }

    /// What that makes of the promise.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.is_lacking { Status::Skipped } else { Status::Broken }
    }

    /// Says at which recorded moment it broke; without this, it is the last observation.
    #[must_use]
    pub fn at(mut self, moment: Moment) -> Self {
        self.moment = Some(moment);
        self
    }

    /// Replaces what was expected: the promise knows better than the step that failed.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = expected.into();
        self
    }

    /// Says in which part of the check it was observed.
    #[must_use]
    pub fn during(mut self, part: &str) -> Self {
        self.observed = format!("{part}: {}", self.observed);
        self
    }

    /// Adds a question or a pointer. The first one stays: it is nearest to the cause.
    #[must_use]
    pub fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice.get_or_insert_with(|| advice.into());
        self
    }

    /// The whole story: the run that broke, as it was recorded.
    #[must_use]
    pub fn story(self, recorder: &Recorder) -> Story {
        let mut entries = recorder.entries();
        let moment = self.moment.map(Moment::index);
        let starts = recorder.starts();
        let run = run::that_broke(&entries, &starts, moment);
        let late = run::late_todo(&entries, &starts, &run);
        if let Some(here) = moment.or_else(|| run::last_observation(&entries, &run)) {
            entries[here].here = true;
        }
        let timeline: Vec<_> = entries.drain(run).chain(late).collect();
        let advice = advice::of(&timeline, self.advice);
        Story { expected: self.expected, observed: self.observed, advice, timeline }
    }
}

#[cfg(test)]
mod tests;
