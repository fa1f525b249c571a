//! The solution keeps every promise, those beyond the exercise included.

use super::{
    Scope,
    chapter::{Chapter, chapters},
    findings::Findings,
    judging::{Program, judge},
};
use crate::{
    exit::Failure,
    subject::{Source, Unready, prepare},
    workspace::Workspace,
};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    for chapter in chapters(workspace, |topic| scope.includes(topic))? {
        let file = chapter.exercise.solution_file();
        findings.looking_at(&format!("judging {file}"));
        let problems = judge(&chapter, &program(workspace, &chapter)?, findings)?;
        let promises = events::numbers::count(chapter.promises.len(), "promise");
        findings.add(&format!("{file} keeps all {promises}"), &problems);
    }
    Ok(())
}

fn program(workspace: &Workspace, chapter: &Chapter) -> Result<Program, Failure> {
    let prepared = prepare(workspace, chapter.topic, chapter.exercise, &Source::Solution);
    let (subject, _) = prepared.map_err(|unready| match unready {
        Unready::Failed(failure) => failure,
        Unready::Nothing(sentence) => Failure::Usage(sentence),
        Unready::DoesNotCompile { label, .. } => {
            Failure::Usage(format!("{label} does not compile: fix that first."))
        }
    })?;
    Ok(Program {
        label: subject.label,
        command: subject.command,
        again: format!("cargo xtask check {} --solution", chapter.exercise.name()),
        may_lack: true,
    })
}
