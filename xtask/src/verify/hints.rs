//! Every promise has hints: three rungs, and so has the beginning.

use super::chapter::Chapter;
use crate::hint::{
    START, hints_file,
    ladder::{Section, parse},
};

const RUNGS: usize = 3;

/// What is missing in the hints `text` of `chapter`.
pub(super) fn problems(chapter: &Chapter, text: &str) -> Vec<String> {
    let file = hints_file(chapter.topic);
    let sections = parse(text);
    let ids = || chapter.promises.iter().map(|promise| promise.id.as_str());
    let lonely =
        [START].into_iter().chain(ids()).filter(|id| !sections.iter().any(|s| s.is_for(id)));
    let lonely = lonely.map(|id| format!("{file} has no hint for {id}; add a section."));
    let short = sections.iter().filter(|section| !has_all_rungs(section)).map(|section| {
        format!("{file}: \"{}\" needs the rungs 1, 2 and 3, each with text.", section.heading)
    });
    let known: Vec<&str> = [START].into_iter().chain(ids()).collect();
    let unknown = sections.iter().flat_map(|section| &section.promises);
    let unknown = unknown.filter(|id| !known.contains(&id.as_str()));
    let unknown = unknown.map(|id| format!("{file} has a hint for {id}, which isn't a promise."));
    lonely.chain(short).chain(unknown).collect()
}

fn has_all_rungs(section: &Section) -> bool {
    section.rungs.len() == RUNGS && section.rungs.iter().all(|rung| !rung.is_empty())
}
