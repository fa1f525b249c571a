//! The mutants: bugs that people really ship, as diffs of a solution.
//!
//! Each has a lesson, the promise that must catch it, and the words that its story must contain.
//! The maintainer's checks apply them; a learner whose program breaks in the same way is told
//! which misconception it looks like.

mod evidence;

use std::path::PathBuf;

use anyhow::{Context, bail};
use events::{Entry, contract::Story};

use self::evidence::Evidence;
use crate::{syllabus::Topic, workspace::Workspace};

/// One bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutant {
    /// The name of its file, without `.patch`.
    pub(crate) name: String,
    /// The patch, relative to the workspace.
    pub(crate) file: PathBuf,
    /// The cause in one sentence that names the actor.
    pub(crate) lesson: String,
    /// The promise that must be the first to break.
    pub(crate) killed_by: String,
    /// What the observation of the broken promise must contain.
    pub(crate) observed: String,
    /// The passage that teaches better.
    pub(crate) guide: String,
    /// What the timeline of its story shows, and no other cause does. Without it a learner's
    /// program is never likened to this mutant.
    pub(crate) evidence: Option<Evidence>,
}

/// The mutants of `topic`, by name.
pub(crate) fn of(workspace: &Workspace, topic: &Topic) -> anyhow::Result<Vec<Mutant>> {
    let files = workspace.files(&format!("{}/mutants", topic.folder()), ".patch");
    let read = |file: PathBuf| {
        let text = workspace.read(&file)?;
        parse(file.clone(), &text).with_context(|| format!("in {}", file.display()))
    };
    files.into_iter().map(read).collect()
}

/// The patch `text` without its header.
pub(crate) fn diff(text: &str) -> &str {
    let lines = text.split_inclusive('\n');
    let header: usize = lines.take_while(|line| !begins_diff(line)).map(str::len).sum();
    &text[header..]
}

/// The one mutant that breaks `promise` with the same observation, if the timeline bears its cause.
/// If several do, none is meant.
pub(crate) fn recognise<'a>(
    mutants: &'a [Mutant],
    promise: &str,
    story: &Story,
) -> Option<&'a Mutant> {
    let mut alike = mutants.iter().filter(|mutant| {
        mutant.killed_by == promise
            && story.observed.contains(&mutant.observed)
            && mutant.evidence.as_ref().is_some_and(|needed| needed.is_in(&story.timeline))
    });
    alike.next().filter(|_| alike.next().is_none())
}

impl Mutant {
    /// The part of its evidence that `timeline` does not show, if there is one.
    pub(crate) fn unproven(&self, timeline: &[Entry]) -> Option<&str> {
        self.evidence.as_ref()?.lacks(timeline)
    }
}

/// Reads the header of a patch: `key: text` lines before the diff, where a line without a key
/// continues the one before.
fn parse(file: PathBuf, text: &str) -> anyhow::Result<Mutant> {
    let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut fields: Vec<(&str, String)> = Vec::new();
    for line in text.lines().take_while(|line| !begins_diff(line)) {
        match (key_of(line), fields.last_mut()) {
            (Some((key, value)), _) => fields.push((key, value.trim().to_owned())),
            (None, Some((_, value))) if !line.trim().is_empty() => {
                value.push(' ');
                value.push_str(line.trim());
            }
            (None, _) => {}
        }
    }
    let field = |wanted: &str| {
        let found = fields.iter().find(|(key, value)| *key == wanted && !value.is_empty());
        found.map(|(_, value)| value.clone()).with_context(|| format!("no `{wanted}:` line"))
    };
    if !text.lines().any(begins_diff) {
        bail!("no diff");
    }
    Ok(Mutant {
        lesson: field("lesson")?,
        killed_by: field("killed-by")?,
        observed: field("observed")?,
        guide: field("guide")?,
        evidence: field("timeline").ok().map(|text| Evidence::parse(&text)),
        name,
        file,
    })
}

fn begins_diff(line: &str) -> bool {
    line.starts_with("diff --git ") || line.starts_with("--- ")
}

fn key_of(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    ["lesson", "killed-by", "observed", "timeline", "guide"].contains(&key).then_some((key, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
lesson: The worker closes the listener
  and forgets its connections.
killed-by: idle_connections
observed: still open
guide: guides/01.md#idle

diff --git a/solutions/exercise-1.rs b/solutions/exercise-1.rs
--- a/solutions/exercise-1.rs
+++ b/solutions/exercise-1.rs
@@ -1 +1 @@
-a
+guide: not a header
";

    #[test]
    fn the_header_of_a_patch_is_read_and_the_diff_is_not() {
        let mutant = parse("m/forgets-idle.patch".into(), PATCH).unwrap();
        assert_eq!(mutant.name, "forgets-idle");
        assert_eq!(mutant.lesson, "The worker closes the listener and forgets its connections.");
        assert_eq!(mutant.guide, "guides/01.md#idle");
    }

    #[test]
    fn a_missing_line_is_named() {
        let error = parse("x.patch".into(), &PATCH.replace("killed-by", "killed")).unwrap_err();
        assert!(error.to_string().contains("killed-by"), "{error}");
        let error = parse("x.patch".into(), "lesson: a\n").unwrap_err();
        assert!(error.to_string().contains("no diff"), "{error}");
    }

    fn seen(observed: &str, timeline: &[&str]) -> Story {
        Story {
            expected: "closed".into(),
            observed: observed.into(),
            advice: None,
            timeline: timeline.iter().map(|text| Entry::observed(0.0, *text)).collect(),
        }
    }

    #[test]
    fn only_an_unmistakable_likeness_is_named() {
        let patch =
            PATCH.replace("guide: guides", "timeline: worker 1 drains; no panic\nguide: guides");
        let one = parse("one.patch".into(), &patch).unwrap();
        let other = Mutant { observed: "open after 3 s".into(), ..one.clone() };
        let both = [one, other];
        let likeness = |promise: &str, observed: &str, timeline: &[&str]| {
            let story = seen(observed, timeline);
            recognise(&both, promise, &story).map(|mutant| mutant.observed.clone())
        };
        let open = "the connection was still open";
        let drains = &["worker 1 drains"];
        assert_eq!(likeness("idle_connections", open, drains).as_deref(), Some("still open"));
        assert_eq!(likeness("another_promise", open, drains), None);
        assert_eq!(likeness("idle_connections", "still open after 3 s", drains), None);
        assert_eq!(likeness("idle_connections", open, &["worker 2 drains"]), None);
        assert_eq!(likeness("idle_connections", open, &["worker 1 drains", "a panic"]), None);
    }

    #[test]
    fn a_mutant_without_evidence_is_never_meant() {
        let mutants = [parse("one.patch".into(), PATCH).unwrap()];
        let story = seen("still open", &["worker 1 drains"]);
        assert_eq!(recognise(&mutants, "idle_connections", &story), None);
    }
}
