//! `cargo xtask hint`: the next rung of the ladder, for the promise that broke last.
//!
//! Three rungs: a nudge, the approach, almost the code. A learner sees no more than they asked for,
//! and the runner remembers how far up they are.

pub(crate) mod ladder;

use anyhow::Context;
use colored::Colorize;

use self::ladder::{Section, parse};
use crate::{
    exit::{Outcome, Verdict},
    markdown::{self, Folds},
    names,
    progress::{Attempts, Progress},
    syllabus::{Exercise, Topic},
    terminal::{say, width},
    workspace::Workspace,
};

/// The section for a learner who never checked.
pub(crate) const START: &str = "start";

/// Shows the next hint.
pub(crate) fn hint(workspace: &Workspace, name: &str) -> Outcome {
    let (topic, exercise) = names::exercise(workspace, name)?;
    let progress = Progress::load(workspace);
    let attempts = progress.exercises.get(&exercise.name());
    let Some(promise) = stuck_at(attempts) else {
        say(nothing_broken(exercise));
        return Ok(Verdict::Kept);
    };
    let sections = parse(&workspace.read(hints_file(topic))?);
    let section = sections.iter().find(|section| section.is_for(&promise));
    let section = section.with_context(|| format!("no hint is written for `{promise}`"))?;
    let count = section.rungs.len();
    let shown = climb(workspace, exercise, &promise, count);
    let rung = section.rungs.get(shown - 1).context("this hint has no rungs")?;
    say(format!(
        "{}  {}\n",
        markdown::inline(&section.heading).bold(),
        format!("hint {shown} of {count}").dimmed()
    ));
    say(markdown::render(rung, width(), Folds::Open));
    say(what_then(topic, exercise, section, shown));
    Ok(Verdict::Kept)
}

/// `crates/01-graceful-shutdown/hints.md`
pub(crate) fn hints_file(topic: &Topic) -> String {
    format!("{}/hints.md", topic.folder())
}

/// Remembers one rung more for `promise`, of `count` at most; which one that is.
fn climb(workspace: &Workspace, exercise: &Exercise, promise: &str, count: usize) -> usize {
    let mut rung = 1;
    Progress::update(workspace, |progress| {
        let attempts = progress.exercises.entry(exercise.name()).or_default();
        let shown = attempts.hints.entry(promise.to_owned()).or_default();
        *shown = (*shown + 1).min(count);
        rung = *shown;
        true
    });
    rung
}

/// What the learner needs a hint for; `None` when nothing is broken.
fn stuck_at(attempts: Option<&Attempts>) -> Option<String> {
    let Some(attempts) = attempts.filter(|attempts| attempts.checks > 0) else {
        return Some(START.into());
    };
    attempts.broken.clone().or_else(|| attempts.broken_extra.clone())
}

fn nothing_broken(exercise: &Exercise) -> String {
    let name = exercise.name();
    format!("Nothing was broken in the last check of {name}.\nagain  cargo xtask check {name}")
}

fn what_then(topic: &Topic, exercise: &Exercise, section: &Section, shown: usize) -> String {
    let name = exercise.name();
    if shown < section.rungs.len() {
        let more = "more  ".dimmed();
        return format!("\n{more} cargo xtask hint {name}");
    }
    let read = topic.guides.iter().map(|guide| {
        format!("{} cargo xtask guide {}\n", "read  ".dimmed(), crate::next::number(guide))
    });
    format!(
        "\nThat was the last hint here. The chapter explains it at length, and the solution\n\
         is yours if you want it.\n{}{} cargo xtask solution {name} --spoil",
        read.collect::<String>(),
        "look  ".dimmed(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_learner_is_helped_to_start_and_then_with_what_broke() {
        let mut attempts = Attempts::default();
        assert_eq!(stuck_at(Some(&attempts)).as_deref(), Some(START));
        attempts.checks = 1;
        attempts.broken = Some("in_flight".into());
        assert_eq!(stuck_at(Some(&attempts)).as_deref(), Some("in_flight"));
        attempts.broken = None;
        attempts.broken_extra = Some("own_timeouts".into());
        assert_eq!(stuck_at(Some(&attempts)).as_deref(), Some("own_timeouts"));
        attempts.broken_extra = None;
        assert_eq!(stuck_at(Some(&attempts)), None);
    }
}
