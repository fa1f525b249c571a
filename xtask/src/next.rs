//! What to do next: one command, chosen from what the learner did so far.

use crate::{
    progress::Progress,
    syllabus::{Exercise, TOPICS, Topic},
    workspace::Workspace,
};

/// One step on the way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What to paste.
    pub(crate) command: String,
    /// What it is for, as an end of a sentence.
    pub(crate) why: String,
}

/// The next step: the topic that the learner is in, or else the next that is not finished, or an
/// exercise that was left out, is read, then watched, then built.
pub(crate) fn next_step(workspace: &Workspace, progress: &Progress) -> Step {
    let topics = || TOPICS.iter().filter(|topic| topic.is_built(workspace));
    let is_current = |topic: &&Topic| {
        let name = topic.exercise.as_ref().map(Exercise::name);
        name.is_some() && name == progress.current
    };
    // A learner who went ahead to a later topic is not called back to an earlier one before the
    // end.
    let reached = topics().find(is_current).map_or(0, |topic| topic.number);
    let ahead = topics().filter(|topic| topic.number >= reached);
    let left_out = topics().filter(|topic| topic.number < reached && topic.has_exercise(workspace));
    ahead
        .chain(left_out)
        .find_map(|topic| step_in(workspace, progress, topic))
        .unwrap_or_else(|| after_everything(progress))
}

/// Everything that is there is done.
fn after_everything(progress: &Progress) -> Step {
    match &progress.current {
        Some(name) => Step {
            command: format!("cargo xtask solution {name}"),
            why: "compare your way with ours; everything that is there is done".into(),
        },
        None => Step {
            command: "cargo xtask list".into(),
            why: "everything that is there is done".into(),
        },
    }
}

fn step_in(workspace: &Workspace, progress: &Progress, topic: &Topic) -> Option<Step> {
    let exercise = topic.exercise.as_ref().filter(|_| topic.has_exercise(workspace));
    let attempts = exercise.and_then(|exercise| progress.exercises.get(&exercise.name()));
    if let (Some(exercise), Some(attempts)) = (exercise, attempts) {
        // A topic that was done once stays finished, unless the learner is at it again.
        let is_current = progress.current.as_deref() == Some(exercise.name().as_str());
        let is_finished = attempts.is_done_now() || (attempts.done && !is_current);
        return (!is_finished).then(|| go_on(exercise, attempts.broken.is_some()));
    }
    let guide = topic.guides.iter().find(|guide| {
        workspace.has(format!("guides/{guide}.md")) && !progress.seen.contains(&read(guide))
    });
    if let Some(guide) = guide {
        return Some(Step {
            command: format!("cargo xtask guide {}", number(guide)),
            why: "read how and why".into(),
        });
    }
    if !progress.seen.contains(&played(topic)) {
        return Some(Step {
            command: format!("cargo xtask run {}", topic.slug()),
            why: "watch it happen".into(),
        });
    }
    exercise.map(|exercise| Step {
        command: format!("cargo xtask check {}", exercise.name()),
        why: format!("then build it, in {}", exercise.file()),
    })
}

fn go_on(exercise: &Exercise, is_broken: bool) -> Step {
    let name = exercise.name();
    if is_broken {
        Step {
            command: format!("cargo xtask check {name}"),
            why: format!("after your next change; stuck? cargo xtask hint {name}"),
        }
    } else {
        Step { command: format!("cargo xtask check {name}"), why: "all promises at once".into() }
    }
}

/// How progress remembers a guide.
pub(crate) fn read(guide: &str) -> String {
    format!("guide {guide}")
}

/// How progress remembers a tour.
pub(crate) fn played(topic: &Topic) -> String {
    format!("run {}", topic.slug())
}

/// `1` of `01-graceful-shutdown-patterns`: what `guide` takes.
pub(crate) fn number(guide: &str) -> &str {
    let digits = guide.split('-').next().unwrap_or(guide);
    let number = digits.trim_start_matches('0');
    if number.is_empty() { "0" } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{progress::Attempts, syllabus::exercises};

    #[test]
    fn a_guide_is_asked_for_by_its_number() {
        assert_eq!(number("00-cluster-basics"), "0");
        assert_eq!(number("01-graceful-shutdown-patterns"), "1");
        assert_eq!(number("10-later"), "10");
    }

    #[test]
    fn an_exercise_that_was_left_out_comes_back_at_the_end() {
        let workspace = Workspace::find().unwrap();
        let there = exercises().filter(|(topic, _)| topic.has_exercise(&workspace));
        let (_, last) = there.last().unwrap();
        let done = Attempts { done: true, checks: 1, ..Attempts::default() };
        let progress = Progress {
            current: Some(last.name()),
            exercises: [(last.name(), done)].into(),
            ..Progress::default()
        };
        assert_eq!(next_step(&workspace, &progress).command, "cargo xtask guide 1");
    }
}
