//! After each step that a guide describes, the program keeps the promises that the guide says, and
//! breaks all others.
//!
//! `crates/NN-topic/steps/N.patch` makes the program after step N of the stub. The last step ends
//! with the solution, which the part `solutions` judges. [`described`] reads the guide.

mod described;

use std::path::{Path, PathBuf};

use events::contract::{Report, Status};

use self::described::Step;
use super::{
    Scope,
    chapter::{Chapter, chapters},
    findings::Findings,
    judging::second_look,
    memory::{self, Memory, Program},
    tree::Tree,
};
use crate::{
    cargo::{BuildFailure, Target, first_line},
    exit::Failure,
    judge::Plan,
    reset::stub_file,
    subject::quote,
    workspace::Workspace,
};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let chapters = chapters(workspace, |topic| scope.includes(topic))?;
    let memories = memory::of_chapters(workspace, &chapters, "steps")?;
    let tree = Tree::of(workspace)?;
    for (chapter, memory) in chapters.iter().zip(&memories) {
        let steps = described::steps(workspace, chapter.topic)?;
        let name = chapter.exercise.name();
        let what = format!("the guides of {name} say after each step what is kept");
        let problems = described::problems(workspace, chapter, &steps);
        let is_right = problems.is_empty();
        findings.add(&what, &problems);
        let with_a_patch = steps.len().saturating_sub(1);
        for step in steps.iter().take(with_a_patch).filter(|_| is_right) {
            let trial = Trial { workspace, tree: &tree, chapter, memory, step };
            findings.looking_at(&format!("judging {name} after step {}", step.number));
            let problems = trial.problems(findings)?;
            let kept = events::numbers::count(step.kept.len(), "promise");
            findings.add(&format!("{name} after step {} keeps {kept}", step.number), &problems);
        }
    }
    Ok(())
}

/// The program after one step.
struct Trial<'a> {
    workspace: &'a Workspace,
    tree: &'a Tree,
    chapter: &'a Chapter,
    memory: &'a Memory,
    step: &'a Step,
}

impl Trial<'_> {
    /// What the program keeps or breaks otherwise than the guide says.
    fn problems(&self, findings: &mut Findings) -> Result<Vec<String>, Failure> {
        let stub = self.workspace.read(stub_file(self.chapter.topic))?;
        let patch = described::patch(self.chapter.topic, self.step.number);
        let diff = self.workspace.read(&patch)?;
        let name = self.step.number.to_string();
        let promises = &self.chapter.promises;
        let program = Program { name: &name, made_of: [&stub, &diff], promises };
        let remembered = self.memory.recall(&program);
        if remembered.is_some_and(|reports| self.differences(&reports).is_empty()) {
            return Ok(Vec::new());
        }
        let binary = match self.build(&stub, &patch)? {
            Ok(binary) => binary,
            Err(problem) => return Ok(vec![format!("{} {problem}", patch.display())]),
        };
        let reports = self.judge(&binary, findings)?;
        let problems = self.differences(&reports);
        if problems.is_empty() {
            self.memory.remember(&program, &reports);
        }
        Ok(problems)
    }

    /// The program, or what is wrong with its patch.
    fn build(&self, stub: &str, patch: &Path) -> Result<Result<PathBuf, String>, Failure> {
        let file = self.chapter.exercise.file();
        self.tree.workspace.write(&file, stub)?;
        if let Err(refusal) = self.tree.apply(&self.workspace.at(patch))? {
            return Ok(Err(format!(
                "does not apply to the stub any more: {refusal}. Make it anew."
            )));
        }
        match self.tree.build(self.chapter.topic, &Target::Bin(self.chapter.exercise.name())) {
            Ok((_, binary)) => Ok(Ok(binary)),
            Err(BuildFailure::Other(failure)) => Err(failure),
            Err(BuildFailure::Errors(errors)) => {
                Ok(Err(format!("does not compile: {}. Fix it.", first_line(&errors))))
            }
        }
    }

    fn judge(&self, binary: &Path, findings: &mut Findings) -> Result<Vec<Report>, Failure> {
        let command = quote(binary)?;
        // Most of them break, and the others get a second look below.
        let all = 0..self.chapter.promises.len();
        let hopeless: Vec<usize> = all.filter(|index| !self.step.keeps(*index)).collect();
        let plan = self.chapter.plan(&command);
        let plan = Plan { keep_going: true, doubts: false, hopeless: &hopeless, ..plan };
        let mut reports = plan.judge(|_, _| {})?;
        for (index, report) in reports.iter_mut().enumerate() {
            findings.judged();
            // A check with little time may miss what breaks only after a while.
            if self.step.keeps(index) {
                *report = second_look(&plan, index, report.clone(), findings)?;
            } else if report.status == Status::Kept {
                let alone = Plan { only: Some(index), hopeless: &[], ..plan };
                *report = alone.judge_alone()?.swap_remove(index);
            }
        }
        Ok(reports)
    }

    fn differences(&self, reports: &[Report]) -> Vec<String> {
        let Step { file, line, number, .. } = self.step;
        let mut problems = Vec::new();
        let mut unsaid = Vec::new();
        for (index, report) in reports.iter().enumerate() {
            let promise = index + 1;
            match (self.step.keeps(index), report.status) {
                (true, Status::Broken) => problems.push(format!(
                    "{file}:{line} says that promise {promise} is kept after step {number}, but: \
                     {}. Correct the patch or the guide.",
                    report.story.as_ref().map_or("", |story| &story.observed),
                )),
                (false, Status::Kept) => unsaid.push(promise.to_string()),
                (_, Status::Kept | Status::Broken | Status::Skipped) | (false, Status::Unclear) => {
                }
                (true, Status::Unclear) | (_, Status::NotReached | Status::Faulty) => {
                    problems.push(format!("promise {promise} was not judged after step {number}."));
                }
            }
        }
        if !unsaid.is_empty() {
            let promises = unsaid.join(", ");
            problems.push(format!(
                "{file}:{line} leaves out what else is kept after step {number}: {promises}. Add that."
            ));
        }
        problems
    }
}
