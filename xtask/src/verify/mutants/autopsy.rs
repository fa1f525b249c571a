//! What is wrong with how a mutant died.

use events::contract::{Report, Status};

use super::Case;
use crate::{mutants::Mutant, verify::chapter::Chapter};

/// What is wrong with the death that `reports` tell of, if anything is.
pub(super) fn autopsy(case: &Case, reports: &[Report]) -> Option<String> {
    let named = &case.mutant.killed_by;
    let broken = first_broken(reports);
    let Some((promise, report)) = broken.map(|at| (&case.promises()[at], &reports[at])) else {
        return Some(format!("survives: {named} does not catch it. Sharpen the promise."));
    };
    let id = &promise.id;
    let observed = report.story.as_ref().map_or("", |story| &story.observed);
    if id != named {
        return Some(format!(
            "dies of {id}, not of {named}: {observed}. Correct its `killed-by:`."
        ));
    }
    if !observed.contains(&case.mutant.observed) {
        return Some(format!(
            "dies of {id}, but it was observed: {observed}. Correct its `observed:`."
        ));
    }
    let timeline = report.story.as_ref().map_or(&[][..], |story| &story.timeline);
    let unproven = case.mutant.unproven(timeline)?;
    Some(format!(
        "dies of {id}, but its timeline does not bear `{unproven}`. Correct its `timeline:`."
    ))
}

pub(super) fn first_broken(reports: &[Report]) -> Option<usize> {
    reports.iter().position(|report| report.status == Status::Broken)
}

/// Promises that don't kill any of `mutants`, and mutants whose promise doesn't exist.
pub(super) fn idle<'a>(
    chapter: &Chapter,
    mutants: impl Iterator<Item = &'a Mutant>,
) -> Vec<String> {
    let mutants: Vec<&Mutant> = mutants.collect();
    let promises = chapter
        .promises
        .iter()
        .filter(|promise| !mutants.iter().any(|mutant| mutant.killed_by == promise.id));
    let promises = promises
        .map(|promise| format!("{} kills no mutant; add a bug that only it catches.", promise.id));
    let unknown = mutants
        .iter()
        .filter(|mutant| !chapter.promises.iter().any(|promise| promise.id == mutant.killed_by));
    let unknown = unknown.map(|mutant| {
        format!("{} names {}, which isn't a promise.", mutant.file.display(), mutant.killed_by)
    });
    promises.chain(unknown).collect()
}
