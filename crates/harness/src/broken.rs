//! A promise that was not kept: what was expected, what was observed, and where to look.

use events::contract::Story;

use crate::{
    cluster::THE_END,
    recorder::{Moment, Recorder},
};

/// Whether a promise was kept, or what a step of checking it brought.
pub type Kept<T = ()> = Result<T, Broken>;

/// Why a promise was not kept.
#[derive(Clone, Debug)]
pub struct Broken {
    expected: String,
    observed: String,
    advice: Option<String>,
    moment: Option<Moment>,
}

impl Broken {
    /// Broken, because `observed` is not what was `expected`.
    pub fn new(expected: impl Into<String>, observed: impl Into<String>) -> Self {
        Broken { expected: expected.into(), observed: observed.into(), advice: None, moment: None }
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

    /// The whole story, with everything that was recorded.
    #[must_use]
    pub fn story(self, recorder: &Recorder) -> Story {
        let mut timeline = recorder.entries();
        // What came after that is our own doing, and tells nothing about the program.
        if let Some(end) = timeline.iter().rposition(|entry| entry.text == THE_END) {
            timeline.truncate(end);
        }
        let last_observation =
            || timeline.iter().rposition(|entry| entry.source == events::Source::Observed);
        let entry = self.moment.map(Moment::index).or_else(last_observation);
        if let Some(entry) = entry.and_then(|entry| timeline.get_mut(entry)) {
            entry.here = true;
        }
        let advice: Vec<_> = advice_from_panic(&timeline).into_iter().chain(self.advice).collect();
        let advice = (!advice.is_empty()).then(|| advice.join(" "));
        Story { expected: self.expected, observed: self.observed, advice, timeline }
    }
}

/// A panic in the program under test may explain more than anything that we could guess.
fn advice_from_panic(timeline: &[events::Entry]) -> Option<String> {
    let mut lines = timeline.iter().map(|entry| entry.text.as_str());
    let place = lines.find_map(|text| text.split_once(" panicked at "))?.1.trim_end_matches(':');
    let message = lines.next().unwrap_or_default();
    Some(match message.strip_prefix("not yet implemented: ") {
        Some(todo) => format!("The program came to a todo!() at {place}: “{todo}”."),
        None => format!("The program panicked at {place}: “{message}”."),
    })
}
