//! A mutant, what it is judged by, and what is remembered of it.

use std::{fs, path::Path};

use events::contract::{Promise, Report};

use crate::{
    cargo::Target,
    judge::Plan,
    mutants::{self, Mutant},
    syllabus::Topic,
    verify::{
        chapter::Chapter,
        memory::{self, Memory},
    },
    workspace::Workspace,
};

/// A mutant, and what it is judged by.
pub(super) struct Case<'a> {
    pub(super) chapter: &'a Chapter,
    pub(super) mutant: Mutant,
    /// Whether it is a change of the chapter's example: of what no exercise builds.
    is_of_example: bool,
    /// What it is a change of.
    original: String,
    /// Its patch without the header.
    diff: String,
    /// Its name in the memory.
    label: String,
    pub(super) is_thorough: bool,
    pub(super) memory: &'a Memory,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        workspace: &Workspace,
        chapter: &'a Chapter,
        mutant: Mutant,
        is_thorough: bool,
        memory: &'a Memory,
    ) -> anyhow::Result<Self> {
        let diff = mutants::diff(&workspace.read(&mutant.file)?).to_owned();
        let examples = format!("+++ b/{}/examples/", chapter.topic.folder());
        let is_of_example = diff.contains(&examples);
        let original = if is_of_example {
            all_of_example(workspace, chapter.topic)?
        } else {
            workspace.read(chapter.exercise.solution_file())?
        };
        let label = format!("{}{}", mutant.name, if is_thorough { ".thorough" } else { "" });
        Ok(Case { chapter, mutant, is_of_example, original, diff, label, is_thorough, memory })
    }
}

/// The files of the example, one after the other.
fn all_of_example(workspace: &Workspace, topic: &Topic) -> anyhow::Result<String> {
    let folder = format!("{}/examples/{}", topic.folder(), topic.example);
    let files = workspace.files(&folder, ".rs");
    files.into_iter().map(|file| workspace.read(file)).collect()
}

impl Case<'_> {
    /// What has to be built.
    pub(super) fn target(&self) -> Target {
        if self.is_of_example {
            Target::Example(self.chapter.topic.example.into())
        } else {
            Target::Bin(self.chapter.exercise.solution_bin())
        }
    }

    /// What is remembered of it.
    pub(super) fn program(&self) -> memory::Program<'_> {
        memory::Program {
            name: &self.label,
            made_of: [&self.original, &self.diff],
            promises: self.promises(),
        }
    }

    /// The number of the promise that the mutant says it dies of.
    pub(super) fn named(&self) -> Option<usize> {
        self.chapter.promises.iter().position(|promise| promise.id == self.mutant.killed_by)
    }

    /// The promises that it is judged by: the named one, and those before it if that is asked for.
    pub(super) fn promises(&self) -> &[Promise] {
        let all = &self.chapter.promises;
        match self.named() {
            Some(named) if self.is_thorough => &all[..=named],
            Some(named) => &all[named..=named],
            None => all,
        }
    }

    pub(super) fn plan<'a>(&'a self, subject: &'a str) -> Plan<'a> {
        Plan { promises: self.promises(), ..self.chapter.plan(subject) }
    }

    /// It is remembered. Its program is needed no more; if it can't be removed, the next run does.
    pub(super) fn died_well(&self, program: &Path, reports: &[Report]) {
        self.memory.remember(&self.program(), reports);
        let _ = fs::remove_file(program);
    }

    pub(super) fn exercise(&self) -> String {
        self.chapter.exercise.name()
    }

    /// `exercise-1, mutant 01-one-worker-short: killed by promise 1`
    pub(super) fn title(&self) -> String {
        let killer = self.named().map_or(self.mutant.killed_by.clone(), |at| (at + 1).to_string());
        format!("{}, mutant {}: killed by promise {killer}", self.exercise(), self.mutant.name)
    }

    pub(super) fn problem(&self, text: &str) -> String {
        format!("{} {text}", self.mutant.file.display())
    }
}
