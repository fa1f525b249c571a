//! The example of a chapter keeps every promise that its exercise is judged by.

use super::{
    Scope,
    chapter::{Chapter, chapters},
    findings::Findings,
    judging::{Program, judge},
};
use crate::{
    cargo::{BuildFailure, Target, first_line},
    exit::Failure,
    subject::{build, quote},
    workspace::Workspace,
};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    for chapter in chapters(workspace, |topic| scope.includes(topic))? {
        let example = chapter.topic.example;
        findings.looking_at(&format!("judging the example {example}"));
        let promises = events::numbers::count(chapter.promises.len(), "promise");
        let problems = match program(workspace, &chapter)? {
            Ok(program) => judge(&chapter, &program, findings)?,
            Err(problem) => vec![problem],
        };
        findings.add(&format!("the example {example} keeps all {promises}"), &problems);
    }
    Ok(())
}

/// The example, built; or why it can't be built.
fn program(workspace: &Workspace, chapter: &Chapter) -> Result<Result<Program, String>, Failure> {
    let example = chapter.topic.example;
    let target = Target::Example(example.into());
    let built = match build(workspace, None, chapter.topic, std::slice::from_ref(&target)) {
        Ok(built) => built,
        Err(BuildFailure::Other(failure)) => return Err(failure),
        Err(BuildFailure::Errors(errors)) => {
            let error = first_line(&errors);
            return Ok(Err(format!("The example {example} does not compile: {error}. Fix it.")));
        }
    };
    let command = quote(&built.executable(&target)?)?;
    // The command line is quoted already, and as an argument it is quoted once more.
    let again = format!(
        "cargo xtask check {} --program {}",
        chapter.exercise.name(),
        shlex::try_quote(&command).unwrap_or_default(),
    );
    Ok(Ok(Program { label: format!("the example {example}"), command, again, may_lack: false }))
}
