//! Building what a tour needs: the program that it plays against, and the tour itself.

use anyhow::anyhow;

use super::{Stage, tour::tour};
use crate::{
    cargo::{Built, Target},
    exit::Failure,
    report::Words,
    scratch,
    subject::{Source, Unready, build, build_for, command_line, quote},
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
        let outcome =
            if targets.is_empty() { Ok(Built::default()) } else { self.build_targets(&targets) };
        match outcome {
            Ok(built) => {
                let command = self.command(&built)?;
                Ok(Some((built, command)))
            }
            Err(unready) => self.tell(unready).map(|()| None),
        }
    }

    fn build_targets(&self, targets: &[Target]) -> Result<Built, Unready> {
        match self.exercise {
            Some(exercise) => {
                build_for(self.workspace, self.topic, (exercise, self.source), targets)
            }
            None => build(self.workspace, None, self.topic, targets)
                .map_err(|failure| failure.into_failure().into()),
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
            // A tour starts it again and again; what is only served, is started once.
            (_, Some(target)) if self.with_tour => {
                quote(&scratch::copy_of(&built.executable(&target)?)?)
            }
            (_, Some(target)) => quote(&built.executable(&target)?),
            (Source::Program(line), None) => command_line(line),
            (_, None) => Err(anyhow!("there is nothing to run").into()),
        }
    }

    fn tell(&self, unready: Unready) -> Result<(), Failure> {
        let text = match (unready, self.words()) {
            (Unready::Failed(failure), _) => return Err(failure),
            (Unready::Nothing(sentence), _) => sentence,
            (Unready::DoesNotCompile { label, errors }, Some(words)) => {
                words.does_not_compile(&label, &errors)
            }
            (Unready::DoesNotCompile { label, .. }, None) => {
                return Err(anyhow!("{label} belongs to no exercise").into());
            }
        };
        note(text);
        Ok(())
    }

    /// What there is to say about the program of an exercise.
    pub(super) fn words(&self) -> Option<Words<'_>> {
        let (topic, source, width) = (self.topic, self.source, width());
        self.exercise.map(|exercise| Words { topic, exercise, source, promises: &[], width })
    }
}
