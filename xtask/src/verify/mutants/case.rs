//! A mutant, what it is judged by, and what is remembered of it.

use std::{fs, path::Path};

use events::contract::{Promise, Report};

use crate::{
    judge::Plan,
    mutants::{self, Mutant},
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
    /// What it is a change of.
    solution: String,
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
        let solution = workspace.read(chapter.exercise.solution_file())?;
        let diff = mutants::diff(&workspace.read(&mutant.file)?).to_owned();
        let label = format!("{}{}", mutant.name, if is_thorough { ".thorough" } else { "" });
        Ok(Case { chapter, mutant, solution, diff, label, is_thorough, memory })
    }
}

impl Case<'_> {
    /// What is remembered of it.
    pub(super) fn program(&self) -> memory::Program<'_> {
        memory::Program {
            name: &self.label,
            made_of: [&self.solution, &self.diff],
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
