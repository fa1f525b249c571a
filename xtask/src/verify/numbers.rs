//! A promise has one number: `check` prints it. Every text that names a promise by its
//! number also quotes its words, so that a new promise can't leave a stale number behind.
//!
//! - `promise 7 ("is cut")` quotes a part of its sentence, `Promise 7: The sentence.` all of it.
//!   `promise 3 of exercise 1 ("…")` is about another chapter.
//! - `Kept after this step: promises 1 to 3.` needs no words: the part `steps` runs that program.
//! - An ordinal, as in "the second promise", is a number that can't be checked. Only the first
//!   promise may be called so: a stub is verified to keep it.
//! - The guarantees of a guide are the sentences of promises, each with its number.
//! - What a stub quotes in its comments is part of a promise's sentence.

mod guarantees;
mod mentions;
mod prose;

use std::path::{Path, PathBuf};

pub(super) use self::mentions::KEPT;
use self::{mentions::Mention, prose::Prose};
use super::{
    chapter::{Chapter, chapters},
    findings::Findings,
    tidy::sources,
};
use crate::{exit::Failure, mutants, reset::stub_file, workspace::Workspace};

pub(super) fn verify(workspace: &Workspace, findings: &mut Findings) -> Result<(), Failure> {
    let chapters = chapters(workspace, |_| true)?;
    for chapter in &chapters {
        let name = chapter.exercise.name();
        let problems = guarantees::problems(workspace, chapter)?;
        findings.add(&format!("the guarantees in the guides of {name}"), &problems);
        let stub = stub_file(chapter.topic);
        let text = workspace.read(&stub)?;
        findings.add(&format!("{stub} quotes promises"), &misquoted(chapter, &stub, &text));
    }
    let mut problems = Vec::new();
    let texts = texts(workspace);
    for file in &texts {
        problems.extend(stale(&chapters, file, &workspace.read(file)?));
    }
    let what = events::numbers::count(texts.len(), "text");
    findings.add(&format!("promises by their numbers, in {what}"), &problems);
    Ok(())
}

/// Everything that a learner reads, but their own work.
fn texts(workspace: &Workspace) -> Vec<PathBuf> {
    let mut texts = workspace.files("", ".md");
    texts.extend(sources(workspace, &["guides", "crates"], "md"));
    texts.extend(sources(workspace, &["crates", "solutions"], "rs"));
    texts.extend(sources(workspace, &["crates"], "patch"));
    texts.retain(|file| !file.components().any(|part| part.as_os_str() == "steps"));
    texts
}

/// The mentions in `text` whose number is wrong, or can't be checked.
fn stale(chapters: &[Chapter], file: &Path, text: &str) -> Vec<String> {
    let is_patch = file.extension().is_some_and(|ending| ending == "patch");
    let header = &text[..text.len() - if is_patch { mutants::diff(text).len() } else { 0 }];
    let home = chapters.iter().find(|chapter| is_of(chapter, file));
    let prose = Prose::of(header);
    let wrong = mentions::of(&prose.text).into_iter().filter_map(|mention| {
        let why = problem(chapters, home, &mention)?;
        Some(format!("{}:{} {why}", file.display(), prose.line(mention.at)))
    });
    wrong.collect()
}

fn is_of(chapter: &Chapter, file: &Path) -> bool {
    let topic = chapter.topic;
    let is_guide = topic.guides.iter().any(|guide| file.ends_with(format!("guides/{guide}.md")));
    let is_solution = file.ends_with(chapter.exercise.solution_file());
    is_guide || is_solution || file.starts_with(topic.folder())
}

fn problem(chapters: &[Chapter], home: Option<&Chapter>, mention: &Mention) -> Option<String> {
    let said = mention.said;
    let number = match (mention.number, mention.exercise) {
        (None, _) => return Some(format!("says \"{said}\". Write its number and its words.")),
        (Some(number), _) => number,
    };
    let named = |exercise| chapters.iter().find(|chapter| chapter.exercise.number == exercise);
    let Some(chapter) = mention.exercise.map_or(home, named) else {
        return Some(format!(
            "says \"{said}\". Write of which exercise: \"{said} of exercise 1\"."
        ));
    };
    let name = chapter.exercise.name();
    let Some(promise) = chapter.promises.get(number.wrapping_sub(1)) else {
        return Some(format!("says \"{said}\", but {name} has {}.", chapter.promises.len()));
    };
    let words = &promise.sentence;
    let is_listed = mention.rest.strip_prefix(": ").is_some_and(|rest| rest.starts_with(words));
    if is_listed || mention.words.is_some_and(|quoted| is_part(quoted, words)) {
        return None;
    }
    Some(format!("says \"{said}\" without words of that promise, which is: {words}"))
}

/// The quotations in the comments of a stub that aren't part of a promise.
fn misquoted(chapter: &Chapter, stub: &str, text: &str) -> Vec<String> {
    let prose = Prose::of_comments(text);
    let wrong = prose.quotations().into_iter().filter(|(_, quoted)| {
        !chapter.promises.iter().any(|promise| is_part(quoted, &promise.sentence))
    });
    let say = |(at, quoted)| {
        format!("{stub}:{} quotes \"{quoted}\", which no promise says.", prose.line(at))
    };
    wrong.map(say).collect()
}

/// Whether `words` are part of `sentence`, apart from code marks, a final period, and capitals.
fn is_part(words: &str, sentence: &str) -> bool {
    let plain = |text: &str| text.replace('`', "").trim_end_matches('.').to_lowercase();
    !words.trim().is_empty() && plain(sentence).contains(&plain(words))
}

#[cfg(test)]
mod tests;
