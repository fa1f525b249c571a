//! The guides agree with the code, with each other, with the promises and with the hints.

use std::path::{Path, PathBuf};

use super::{
    anchors,
    chapter::{Chapter, chapters},
    findings::Findings,
    hints, printed, quotes,
};
use crate::{
    exit::Failure,
    hint::hints_file,
    mutants::{self, Mutant},
    syllabus::TOPICS,
    workspace::Workspace,
};

pub(super) fn verify(workspace: &Workspace, findings: &mut Findings) -> Result<(), Failure> {
    findings.add("each topic that is there has its guides", &missing(workspace));
    for page in pages(workspace) {
        let text = workspace.read(&page)?;
        let mut problems = quotes::problems(workspace, &page, &text);
        problems.extend(anchors::problems(workspace, &page, &text));
        problems.extend(printed::problems(workspace, &page, &text)?);
        problems.extend(gaps(&page, &text));
        findings.add(&format!("{}: quoted code, output and links", page.display()), &problems);
    }
    for chapter in chapters(workspace, |_| true)? {
        let name = chapter.exercise.name();
        let what = format!("the passages that teach the promises and mutants of {name}");
        findings.add(&what, &passages(workspace, &chapter)?);
        let what = format!("a row for each mutant of {name}, where a guide has such a table");
        findings.add(&what, &unlisted(workspace, &chapter)?);
        let problems = match workspace.read(hints_file(chapter.topic)) {
            Ok(text) => hints::problems(&chapter, &text),
            Err(error) => vec![format!("{error:#}; write the hints of {name}.")],
        };
        findings.add(&format!("the hints of {name}"), &problems);
    }
    Ok(())
}

/// What was left to fill in.
fn gaps(page: &Path, text: &str) -> Vec<String> {
    let open = (1..).zip(text.lines()).filter(|(_, line)| line.starts_with("@@"));
    open.map(|(at, line)| format!("{}:{at} still says {line}; fill it in.", page.display()))
        .collect()
}

/// The guides, and the pages beside the workspace's `Cargo.toml`.
fn pages(workspace: &Workspace) -> Vec<PathBuf> {
    let mut pages = workspace.files("", ".md");
    pages.extend(workspace.files("guides", ".md"));
    pages
}

fn missing(workspace: &Workspace) -> Vec<String> {
    let there = TOPICS.iter().filter(|topic| topic.is_built(workspace));
    let guides = there.flat_map(|topic| topic.guides).map(|guide| format!("guides/{guide}.md"));
    let missing = guides.filter(|file| !workspace.has(file));
    missing.map(|file| format!("{file} is missing; its topic is there.")).collect()
}

fn passages(workspace: &Workspace, chapter: &Chapter) -> anyhow::Result<Vec<String>> {
    let promises =
        chapter.promises.iter().map(|promise| (promise.id.clone(), promise.guide.clone()));
    let mutants = mutants::of(workspace, chapter.topic)?.into_iter();
    let mutants = mutants.map(|mutant| (mutant.file.display().to_string(), mutant.guide));
    let places = promises.chain(mutants).filter(|(_, place)| is_there(workspace, place));
    let wrong = places.filter_map(|(who, place)| {
        let why = if place.contains('#') {
            anchors::place_problem(workspace, &place)?
        } else {
            "as a whole. Name the heading, too.".into()
        };
        Some(format!("{who} points to {place}, {why}"))
    });
    Ok(wrong.collect())
}

/// Mutants without a row, if another mutant of the chapter has one.
fn unlisted(workspace: &Workspace, chapter: &Chapter) -> anyhow::Result<Vec<String>> {
    let mutants = mutants::of(workspace, chapter.topic)?;
    let mut problems = Vec::new();
    for guide in chapter.topic.guides {
        let file = format!("guides/{guide}.md");
        let Ok(text) = workspace.read(&file) else { continue };
        let has_row = |mutant: &&Mutant| text.contains(&format!("\n| `{}` |", mutant.name));
        let (listed, others): (Vec<_>, Vec<_>) = mutants.iter().partition(has_row);
        if !listed.is_empty() {
            let rows = others.iter().map(|mutant| mutant.name.as_str());
            problems.extend(rows.map(|name| format!("{file} has no row for {name}. Add one.")));
        }
    }
    Ok(problems)
}

/// A guide that is missing is one problem, not one for each promise that it teaches.
fn is_there(workspace: &Workspace, place: &str) -> bool {
    let file = place.split('#').next().unwrap_or(place);
    let is_of_a_topic =
        TOPICS.iter().flat_map(|topic| topic.guides).any(|guide| file.contains(guide));
    workspace.has(file) || !is_of_a_topic
}
