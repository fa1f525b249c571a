//! What a learner begins with: it builds without a warning, keeps the first promise, breaks a
//! later one.

use std::process::{Command, Stdio};

use events::contract::Status;

use super::{Chapter, chapters, findings::Findings, subsequence::first_drift, tree::Tree};
use crate::{
    cargo::{BuildFailure, first_line},
    exit::Failure,
    judge::{Plan, first_broken},
    reset::stub_file,
    subject::quote,
    workspace::Workspace,
};

pub(super) fn verify(workspace: &Workspace, findings: &mut Findings) -> Result<(), Failure> {
    for chapter in chapters(workspace)? {
        let stub = stub_file(chapter.topic);
        same_as_exercise(workspace, &chapter, findings)?;
        findings.add(&format!("{stub} is its solution minus lines"), &drift(workspace, &chapter)?);
        findings.looking_at(&format!("building and judging {stub}"));
        findings.add(
            &format!("{stub} builds without a warning, keeps promise 1, breaks a later one"),
            &judge(workspace, &chapter)?,
        );
    }
    Ok(())
}

/// A learner's work in the exercise file is no problem; a committed difference is.
fn same_as_exercise(
    workspace: &Workspace,
    chapter: &Chapter,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let (stub, file) = (stub_file(chapter.topic), chapter.exercise.file());
    let is_same = workspace.read(&stub)? == workspace.read(&file)?;
    if !is_same && !is_as_committed(workspace, &file) {
        findings.remark(&format!(
            "{file} holds a learner's work, which is left alone; its stub is judged in a copy."
        ));
        return Ok(());
    }
    let problem = format!("{file} and {stub} differ: copy the one that is right over the other.");
    let problems = if is_same { Vec::new() } else { vec![problem] };
    findings.add(&format!("{file} is its stub"), &problems);
    Ok(())
}

fn is_as_committed(workspace: &Workspace, file: &str) -> bool {
    Command::new("git")
        .args(["diff", "--quiet", "HEAD", "--", file])
        .current_dir(&workspace.root)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn drift(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<String>, Failure> {
    let stub = stub_file(chapter.topic);
    let solution = chapter.exercise.solution_file();
    let text = workspace.read(&stub)?;
    let drift = first_drift(&text, &workspace.read(&solution)?);
    let problem = drift.map(|(line, text)| {
        format!(
            "{stub}:{line} is not in {solution} at its place: `{}`. Make them agree.",
            text.trim()
        )
    });
    Ok(problem.into_iter().collect())
}

fn judge(workspace: &Workspace, chapter: &Chapter) -> Result<Vec<String>, Failure> {
    let tree = Tree::of(workspace)?;
    let stub = stub_file(chapter.topic);
    tree.workspace.write(chapter.exercise.file(), &workspace.read(&stub)?)?;
    let (built, binary) = match tree.build(chapter.topic, chapter.exercise.name()) {
        Ok(built) => built,
        Err(BuildFailure::Other(failure)) => return Err(failure),
        Err(BuildFailure::Errors(errors)) => {
            return Ok(vec![format!("{stub} does not compile: {}. Mend it.", first_line(&errors))]);
        }
    };
    let own = |target: &str| target == chapter.exercise.name();
    let warnings = built.warnings.iter().filter(|warning| own(&warning.target));
    let mut problems: Vec<String> = warnings
        .map(|warning| format!("{stub} warns: {}. Mend it.", first_line([warning])))
        .collect();
    let plan = Plan {
        contract: &chapter.contract,
        promises: &chapter.promises,
        subject: &quote(&binary)?,
        only: None,
        keep_going: false,
    };
    let reports = plan.judge(|_, _| {})?;
    if reports.first().is_none_or(|report| report.status != Status::Kept) {
        problems
            .push(format!("{stub} breaks its first promise; a learner must begin with one kept."));
    }
    if first_broken(&chapter.promises, &reports).is_none() {
        problems.push(format!("{stub} keeps all promises; there is nothing left to do in it."));
    }
    Ok(problems)
}
