//! The `main` of a bench: it measures a program from outside, as the promises judge it.

use std::process::ExitCode;

use crate::{Trial, broken::Kept, recorder::Recorder, subject::Subject};

/// Lets `figures` have `program`, or the program that `SUBJECT` names, and says what went wrong.
#[must_use]
pub fn measure(program: &str, figures: impl FnOnce(&Trial) -> Kept) -> ExitCode {
    let outcome = Subject::from_env(program).and_then(|subject| {
        let trial = Trial::new(subject, Recorder::default()).map_err(|error| error.to_string())?;
        figures(&trial).map_err(|broken| {
            let story = broken.story(&trial.recorder);
            format!("expected {}, observed {}", story.expected, story.observed)
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
