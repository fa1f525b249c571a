//! The solution keeps every promise, those beyond the exercise included.

use events::contract::Status;

use super::{Chapter, chapters, findings::Findings};
use crate::{
    exit::Failure,
    judge::Plan,
    subject::{Source, Unready, prepare},
    workspace::Workspace,
};

pub(super) fn verify(workspace: &Workspace, findings: &mut Findings) -> Result<(), Failure> {
    for chapter in chapters(workspace)? {
        let file = chapter.exercise.solution_file();
        findings.looking_at(&format!("judging {file}"));
        let problems = judge(workspace, &chapter, findings)?;
        let promises = events::numbers::count(chapter.promises.len(), "promise");
        findings.add(&format!("{file} keeps all {promises}"), &problems);
    }
    Ok(())
}

fn judge(
    workspace: &Workspace,
    chapter: &Chapter,
    findings: &mut Findings,
) -> Result<Vec<String>, Failure> {
    let prepared = prepare(workspace, chapter.topic, chapter.exercise, &Source::Solution);
    let (subject, contract) = prepared.map_err(|unready| match unready {
        Unready::Failed(failure) => failure,
        Unready::DoesNotCompile { label, .. } => {
            Failure::Usage(format!("{label} does not compile; mend it first."))
        }
    })?;
    let plan = Plan {
        contract: &contract,
        promises: &chapter.promises,
        subject: &subject.command,
        only: None,
        keep_going: true,
    };
    let reports = plan.judge(|index, _| {
        findings.looking_at(&format!("promise {} of {}", index + 2, chapter.promises.len()));
    })?;
    let mut problems = Vec::new();
    for (number, report) in (1..).zip(&reports) {
        let observed = report.story.as_ref().map_or("", |story| &story.observed);
        match report.status {
            Status::Kept => {}
            Status::Skipped => findings.remark(&format!("promise {number} was not judged: {observed}")),
            Status::Broken | Status::NotReached | Status::Faulty => problems.push(format!(
                "{} breaks promise {number}: {observed}. See `cargo xtask check {} --solution --only {number}`.",
                subject.label,
                chapter.exercise.name(),
            )),
        }
    }
    Ok(problems)
}
