//! Building what a tour needs: the program that it plays against, and the tour itself.

use anyhow::anyhow;

use super::{Stage, tour};
use crate::{
    cargo::{BuildFailure, Built, Target},
    exit::Failure,
    report::Words,
    subject::{Source, Unready, build, command_line, quote, whose},
    terminal::{note, width},
};

impl Stage<'_> {
    /// Builds what is needed; `None` when the learner's file does not compile, which was told.
    pub(super) fn build(&self) -> Result<Option<(Built, String)>, Failure> {
        if let Source::Program(line) = self.source {
            command_line(line)?;
        }
        let mut targets: Vec<Target> = self.program().into_iter().collect();
        targets.extend(self.with_tour.then(tour));
        let outcome = if targets.is_empty() {
            Ok(Built::default())
        } else {
            build(self.workspace, None, self.topic, &targets)
        };
        match outcome {
            Ok(built) => {
                let command = self.command(&built)?;
                Ok(Some((built, command)))
            }
            Err(failure) => self.tell(failure).map(|()| None),
        }
    }

    fn program(&self) -> Option<Target> {
        match self.exercise {
            Some(exercise) => self.source.target(exercise),
            None => match self.source {
                Source::Program(_) => None,
                Source::Own | Source::Solution => Some(Target::Example(self.topic.example.into())),
            },
        }
    }

    fn command(&self, built: &Built) -> Result<String, Failure> {
        match (self.source, self.program()) {
            (_, Some(target)) => quote(&built.executable(&target)?),
            (Source::Program(line), None) => command_line(line),
            (_, None) => Err(anyhow!("there is nothing to run").into()),
        }
    }

    fn tell(&self, failure: BuildFailure) -> Result<(), Failure> {
        let Some(exercise) = self.exercise else {
            return Err(failure.into_failure());
        };
        match whose(failure, exercise, self.source) {
            Unready::Failed(failure) => Err(failure),
            Unready::DoesNotCompile { label, errors } => {
                let words = Words {
                    topic: self.topic,
                    exercise,
                    source: self.source,
                    promises: &[],
                    width: width(),
                };
                note(words.does_not_compile(&label, &errors));
                Ok(())
            }
        }
    }
}
