//! Judging a program that has to keep every promise of its chapter.

use events::contract::{Report, Status};

use super::{chapter::Chapter, findings::Findings};
use crate::{exit::Failure, judge::Plan};

/// What the output says of a judgement that failed beside others and was repeated.
pub(super) const LONE: &str = "needed a second, lone judgement";

/// A program that should keep every promise.
pub(super) struct Program {
    /// How a person calls it.
    pub(super) label: String,
    /// The command line that starts it.
    pub(super) command: String,
    /// The command that checks it again, up to the number of a promise.
    pub(super) again: String,
    /// Whether it may lack what a promise beyond the exercise is about.
    pub(super) may_lack: bool,
}

/// Judges `program` by every promise of `chapter`, extras too; what is wrong.
pub(super) fn judge(
    chapter: &Chapter,
    program: &Program,
    findings: &mut Findings,
) -> Result<Vec<String>, Failure> {
    let plan = Plan { keep_going: true, ..chapter.plan(&program.command) };
    let reports = plan.judge(|index, _| {
        let next = (index + 2).min(chapter.promises.len());
        findings.looking_at(&format!("{}: promise {next}", program.label));
    })?;
    let mut problems = Vec::new();
    for (index, report) in reports.into_iter().enumerate() {
        findings.judged();
        let report = second_look(&plan, index, report, findings)?;
        let (number, observed) = (index + 1, observed(&report));
        match report.status {
            Status::Kept => {}
            Status::Skipped if program.may_lack => {
                findings.remark(&format!("promise {number} was not judged: {observed}"));
            }
            Status::Broken | Status::Skipped | Status::NotReached | Status::Faulty => problems
                .push(format!(
                    "{} breaks promise {number}: {observed}. See `{} --only {number}`.",
                    program.label, program.again,
                )),
            Status::Unclear => problems.push(format!(
                "The machine was too busy to tell whether {} keeps promise {number}. End what else \
                 runs, then `{} --only {number}`.",
                program.label, program.again,
            )),
        }
    }
    Ok(problems)
}

/// The verdict on the promise at `index`. If it broke beside others, it is judged again, alone.
pub(super) fn second_look(
    plan: &Plan,
    index: usize,
    first: Report,
    findings: &mut Findings,
) -> Result<Report, Failure> {
    if !matches!(first.status, Status::Broken | Status::Unclear) {
        return Ok(first);
    }
    findings.repeated();
    findings.looking_at(&format!("judging promise {} once more, alone", index + 1));
    let alone = Plan { only: Some(index), ..*plan }.judge_alone()?.swap_remove(index);
    if alone.status == Status::Kept {
        let at_first = observed(&first);
        findings.remark(&format!("promise {} {LONE}; at first: {at_first}", index + 1));
    }
    Ok(alone)
}

fn observed(report: &Report) -> &str {
    report.story.as_ref().map_or("", |story| &story.observed)
}
