//! Every mutant dies, of the promise that it names and for the reason that it names; and every
//! promise kills one. Otherwise a check proves nothing.
//!
//! What a learner is told is the first promise that breaks, so the promises before the named one
//! have to hold. That takes most of the time: only `--thorough` judges them, and shows as a table
//! which promise killed which mutant.
//!
//! [`pipeline`] builds the next mutant while earlier ones are judged, [`case`] is one mutant,
//! [`mod@autopsy`] says what is wrong with how a mutant died, [`table`] is the table.

mod autopsy;
mod case;
mod pipeline;
mod table;

use std::path::Path;

use events::contract::Report;

use self::{autopsy::autopsy, case::Case, pipeline::Fate};
use super::{Scope, chapter::chapters, findings::Findings, judging::LONE, memory, tree::Tree};
use crate::{exit::Failure, interrupt, mutants, subject::quote, workspace::Workspace};

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let chapters = chapters(workspace, |topic| scope.includes(topic))?;
    let memories = memory::of_chapters(workspace, &chapters, "died")?;
    let mut cases = Vec::new();
    for (chapter, memory) in chapters.iter().zip(&memories) {
        for mutant in mutants::of(workspace, chapter.topic)? {
            cases.push(Case::new(workspace, chapter, mutant, scope.is_thorough, memory)?);
        }
    }
    let judged = judge_all(workspace, &cases, findings)?;
    for chapter in &chapters {
        let name = chapter.exercise.name();
        let own: Vec<(&Case, &[Report])> = cases
            .iter()
            .zip(judged.iter().map(Vec::as_slice))
            .filter(|(case, _)| case.exercise() == name)
            .collect();
        let what = format!("every promise of {name} kills a mutant");
        findings.add(&what, &autopsy::idle(chapter, own.iter().map(|(case, _)| &case.mutant)));
        if scope.is_thorough {
            findings.show(&format!("\n{}", table::table(chapter, &own)));
        }
    }
    Ok(())
}

/// Builds and judges all cases; the reports on each, where it could be judged.
fn judge_all(
    workspace: &Workspace,
    cases: &[Case],
    findings: &mut Findings,
) -> Result<Vec<Vec<Report>>, Failure> {
    let tree = Tree::of(workspace)?;
    let mut judged = vec![Vec::new(); cases.len()];
    let mut doubtful = Vec::new();
    let mut remembered = 0;
    let outcome = pipeline::run(workspace, &tree, cases, |index, fate| {
        let case = &cases[index];
        findings.looking_at(&format!("killing {}: {} of {}", case.title(), index + 1, cases.len()));
        match fate {
            Fate::Unfit(problem) => findings.add(&case.title(), &[case.problem(&problem)]),
            Fate::Remembered(reports) => {
                remembered += 1;
                findings.add(&case.title(), &[]);
                judged[index] = reports;
            }
            Fate::Judged(reports) => {
                findings.judged();
                findings.add(&case.title(), &[]);
                judged[index] = reports;
            }
            Fate::Doubtful(program) => doubtful.push((index, program)),
        }
    });
    interrupt::end_everything();
    outcome?;
    for (index, program) in doubtful {
        judged[index] = judge_alone(&cases[index], &program, findings)?;
    }
    if remembered > 0 {
        let mutants = events::numbers::count(remembered, "mutant");
        findings.remark(&format!("{mutants} not judged again: nothing has changed since."));
    }
    Ok(judged)
}

/// The second judgement of a mutant that did not die as it should beside others.
fn judge_alone(
    case: &Case,
    program: &Path,
    findings: &mut Findings,
) -> Result<Vec<Report>, Failure> {
    findings.judged();
    findings.repeated();
    findings.looking_at(&format!("judging {} once more, alone", case.mutant.name));
    let reports = case.plan(&quote(program)?).judge_alone()?;
    let problem = autopsy(case, &reports);
    if problem.is_none() {
        case.died_well(program, &reports);
    }
    let problems: Vec<String> = problem.iter().map(|problem| case.problem(problem)).collect();
    findings.add(&format!("{} ({LONE})", case.title()), &problems);
    Ok(reports)
}
