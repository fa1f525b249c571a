//! What a learner begins with: it builds without a warning, keeps the first promise, breaks a
//! later one.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use events::contract::Status;

use super::{
    Scope,
    chapter::{Chapter, chapters},
    findings::Findings,
    judging::second_look,
    subsequence::first_drift,
    tree::Tree,
};
use crate::{
    cargo::{BuildFailure, Target, first_line},
    exit::Failure,
    judge::first_broken,
    reset::stub_file,
    subject::quote,
    workspace::Workspace,
};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    for chapter in chapters(workspace, |topic| scope.includes(topic))? {
        let stub = stub_file(chapter.topic);
        same_as_exercise(workspace, &chapter, findings)?;
        findings.add(&format!("{stub} is its solution minus lines"), &drift(workspace, &chapter)?);
        findings.looking_at(&format!("building and judging {stub}"));
        let problems = judge(workspace, &chapter, findings)?;
        let what = "builds without a warning, keeps promise 1, breaks a later one";
        findings.add(&format!("{stub} {what}"), &problems);
    }
    Ok(())
}

/// A learner's work in the exercise file isn't a problem. A committed difference is one.
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
    let problem = format!("{file} and {stub} differ: copy the right file over the other.");
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

fn judge(
    workspace: &Workspace,
    chapter: &Chapter,
    findings: &mut Findings,
) -> Result<Vec<String>, Failure> {
    let tree = Tree::of(workspace)?;
    let stub = stub_file(chapter.topic);
    tree.workspace.write(chapter.exercise.file(), &workspace.read(&stub)?)?;
    let (built, binary) = match tree.build(chapter.topic, &Target::Bin(chapter.exercise.name())) {
        Ok(built) => built,
        Err(BuildFailure::Other(failure)) => return Err(failure),
        Err(BuildFailure::Errors(errors)) => {
            return Ok(vec![format!("{stub} does not compile: {}. Fix it.", first_line(&errors))]);
        }
    };
    let own = |target: &str| target == chapter.exercise.name();
    let warnings = built.warnings.iter().filter(|warning| own(&warning.target));
    let mut problems: Vec<String> = warnings
        .map(|warning| format!("{stub} warns: {}. Fix it.", first_line([warning])))
        .collect();
    problems.extend(where_it_begins(chapter, &stub, &binary, findings)?);
    Ok(problems)
}

/// A learner must begin with the first promise kept, and with something to do.
fn where_it_begins(
    chapter: &Chapter,
    stub: &str,
    binary: &Path,
    findings: &mut Findings,
) -> Result<Vec<String>, Failure> {
    let command = quote(binary)?;
    let plan = chapter.plan(&command);
    let mut reports = plan.judge(|_, _| {})?;
    findings.judged();
    let mut problems = Vec::new();
    if let Some(first) = reports.first().cloned() {
        let first = second_look(&plan, 0, first, findings)?;
        if first.status != Status::Kept {
            problems.push(format!("{stub} breaks promise 1; a learner must begin with it kept."));
        } else if reports[0].status != Status::Kept {
            // Nothing after the first promise was judged beside it.
            reports = plan.judge_alone()?;
        }
    }
    if first_broken(&chapter.promises, &reports).is_none() {
        problems.push(format!("{stub} keeps all promises; there is nothing left to do in it."));
    }
    Ok(problems)
}
