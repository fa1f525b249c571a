//! What the benches share: they measure a program from outside, as the promises judge it.

use std::process::ExitCode;

use harness::{Kept, Trial, recorder::Recorder, subject::Subject};

/// Lets `measure` have the solution, or the program that `SUBJECT` names, and says what went wrong.
pub(crate) fn play(measure: impl FnOnce(&Trial) -> Kept) -> ExitCode {
    let outcome = Subject::from_env(env!("CARGO_BIN_EXE_solution-3")).and_then(|subject| {
        let trial = Trial::new(subject, Recorder::default()).map_err(|error| error.to_string())?;
        measure(&trial).map_err(|broken| {
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
