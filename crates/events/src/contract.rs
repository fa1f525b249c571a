//! What a contract test and the runner say to each other, one JSON value a line.
//!
//! The runner never judges: it asks the contract's binary for its catalogue of promises, has it
//! check them one process each, and shows what came back.

use serde::{Deserialize, Serialize};

use crate::Entry;

/// One promise of an exercise, as the catalogue lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The name of its test, such as `a_second_signal_ends_it_at_once`.
    pub id: String,
    /// The same as a sentence.
    pub sentence: String,
    /// Whether it goes beyond what the exercise asks for.
    pub extra: bool,
    /// The passage that teaches it: `guides/….md#anchor`.
    pub guide: String,
}

/// What came of checking one promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Kept, broken, or not judged.
    pub status: Status,
    /// How long the check took.
    pub millis: u64,
    /// Why, unless it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub story: Option<Story>,
    /// How busy the machine was, if it was too busy to blame the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starvation: Option<Starvation>,
}

impl Report {
    /// A verdict without a story.
    #[must_use]
    pub fn bare(status: Status) -> Self {
        Report { status, millis: 0, story: None, starvation: None }
    }
}

/// The longest waits for a core within any one second of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Starvation {
    /// How late the tester's own clock was, in milliseconds.
    pub tester_ms: u64,
    /// How long a process of the program was ready to run and had no core, in milliseconds.
    pub program_ms: u64,
}

/// The verdict on one promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The program does it.
    Kept,
    /// The program does not do it.
    Broken,
    /// The check stopped at an earlier broken promise.
    NotReached,
    /// The machine or the program lacks what this check needs, or the learner asked for another one.
    Skipped,
    /// The machine was too busy to tell whether the program does it.
    Unclear,
    /// The grader itself failed. Never blamed on the program.
    Faulty,
}

/// What a broken promise tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// What should have happened.
    pub expected: String,
    /// What happened.
    pub observed: String,
    /// A question or a pointer that fits this failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Everything that was recorded, in order.
    pub timeline: Vec<Entry>,
}
