//! Every mutant dies, of the promise that it names and for the reason that it names; and every
//! promise kills one. Otherwise a check proves nothing.
//!
//! What a learner is told is the first promise that breaks, so the promises before the named one
//! have to hold. That takes most of the time, and each of them is a chance for the machine to get in
//! the way: only `--thorough` judges them, and shows who was killed where as a table.

use colored::Colorize;
use events::contract::{Report, Status};

use super::{Chapter, chapters, findings::Findings, tree::Tree};
use crate::{
    cargo::{BuildFailure, first_line},
    exit::Failure,
    judge::Plan,
    mutants::{self, Mutant},
    subject::quote,
    workspace::Workspace,
    wrap::pad,
};

const NAMES: usize = 32;

pub(super) fn verify(
    workspace: &Workspace,
    is_thorough: bool,
    findings: &mut Findings,
) -> Result<(), Failure> {
    for chapter in chapters(workspace)? {
        let mutants = mutants::of(workspace, chapter.topic)?;
        let tree = Tree::of(workspace)?;
        let mut matrix = vec![heading(&chapter)];
        for mutant in &mutants {
            findings.looking_at(&format!("killing {}", mutant.name));
            let only = named(&chapter, mutant).filter(|_| !is_thorough);
            let (problems, reports) = kill(workspace, &tree, &chapter, mutant, only)?;
            matrix.push(row(mutant, &reports, problems.is_empty()));
            findings.add(&title(&chapter, mutant), &problems);
        }
        let name = chapter.exercise.name();
        findings.add(&format!("every promise of {name} kills a mutant"), &idle(&chapter, &mutants));
        if is_thorough {
            findings.show(&format!("\n{}", matrix.join("\n")));
        }
    }
    Ok(())
}

/// The number of the promise that `mutant` says it dies of.
fn named(chapter: &Chapter, mutant: &Mutant) -> Option<usize> {
    chapter.promises.iter().position(|promise| promise.id == mutant.killed_by)
}

/// Applies, builds and judges one mutant; what is wrong, and what was judged.
fn kill(
    workspace: &Workspace,
    tree: &Tree,
    chapter: &Chapter,
    mutant: &Mutant,
    only: Option<usize>,
) -> Result<(Vec<String>, Vec<Report>), Failure> {
    let file = mutant.file.display();
    let problem = |text: String| Ok((vec![format!("{file} {text}")], Vec::new()));
    let solution = chapter.exercise.solution_file();
    tree.workspace.write(&solution, &workspace.read(&solution)?)?;
    if let Err(refusal) = tree.apply(&workspace.at(&mutant.file))? {
        return problem(format!(
            "does not apply any more: {refusal}. Take it along: `git apply -3 {file}`, then \
             `git diff HEAD -- {solution}` is its new diff."
        ));
    }
    let binary = match tree.build(chapter.topic, chapter.exercise.solution_bin()) {
        Ok((_, binary)) => binary,
        Err(BuildFailure::Other(failure)) => return Err(failure),
        Err(BuildFailure::Errors(errors)) => {
            return problem(format!("does not compile: {}. Mend it.", first_line(&errors)));
        }
    };
    let plan = Plan {
        contract: &chapter.contract,
        promises: &chapter.promises,
        subject: &quote(&binary)?,
        only,
        keep_going: false,
    };
    let reports = plan.judge(|_, _| {})?;
    let wrong = autopsy(chapter, mutant, &reports);
    Ok((wrong.into_iter().map(|text| format!("{file} {text}")).collect(), reports))
}

/// What is wrong with how the mutant died.
fn autopsy(chapter: &Chapter, mutant: &Mutant, reports: &[Report]) -> Option<String> {
    let named = &mutant.killed_by;
    let Some(first) = first_broken(reports) else {
        return Some(format!("survives: {named} does not catch it. Sharpen the promise."));
    };
    let id = &chapter.promises[first].id;
    let observed = reports[first].story.as_ref().map_or("", |story| &story.observed);
    if id != named {
        return Some(format!(
            "dies of {id}, not of {named}: {observed}. Correct its `killed-by:`."
        ));
    }
    (!observed.contains(&mutant.observed))
        .then(|| format!("dies of {id}, but it was observed: {observed}. Correct its `observed:`."))
}

/// `01-one-worker-short is killed by promise 1`
fn title(chapter: &Chapter, mutant: &Mutant) -> String {
    let killer = named(chapter, mutant);
    let killer = killer.map_or(mutant.killed_by.clone(), |index| (index + 1).to_string());
    format!("{} is killed by promise {killer}", mutant.name)
}

fn first_broken(reports: &[Report]) -> Option<usize> {
    reports.iter().position(|report| report.status == Status::Broken)
}

/// Promises that kill no mutant, and mutants of promises that there are not.
fn idle(chapter: &Chapter, mutants: &[Mutant]) -> Vec<String> {
    let promises = chapter
        .promises
        .iter()
        .filter(|promise| !mutants.iter().any(|mutant| mutant.killed_by == promise.id));
    let promises = promises
        .map(|promise| format!("{} kills no mutant; add a bug that only it catches.", promise.id));
    let strangers = mutants
        .iter()
        .filter(|mutant| !chapter.promises.iter().any(|promise| promise.id == mutant.killed_by));
    let strangers = strangers.map(|mutant| {
        format!("{} names {}, which is no promise.", mutant.file.display(), mutant.killed_by)
    });
    promises.chain(strangers).collect()
}

fn heading(chapter: &Chapter) -> String {
    let numbers: Vec<String> = (1..=chapter.promises.len()).map(|n| format!("{n:>2}")).collect();
    format!("    {}{}", pad("kept · or killed by ✗", NAMES), numbers.join(" ")).dimmed().to_string()
}

fn row(mutant: &Mutant, reports: &[Report], is_right: bool) -> String {
    let killed_at = first_broken(reports).unwrap_or(reports.len());
    let cells: Vec<String> = (0..reports.len())
        .map(|index| match (index == killed_at, index < killed_at) {
            (true, _) if is_right => format!(" {}", "✗".green()),
            (true, _) => format!(" {}", "✗".red().bold()),
            (false, true) => format!(" {}", "·".dimmed()),
            (false, false) => "  ".into(),
        })
        .collect();
    let name = events::timeline::clip(&mutant.name, NAMES - 1);
    format!("    {}{}", pad(&name, NAMES), cells.join(" ")).trim_end().to_owned()
}
