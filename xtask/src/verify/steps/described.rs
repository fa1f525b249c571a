//! The steps of an exercise, as its guides describe them.
//!
//! A list under "The exercise" whose items end with `Kept after this step: promises 1 to 3, 5.`

use std::path::PathBuf;

use crate::{
    syllabus::Topic,
    verify::{chapter::Chapter, numbers::KEPT},
    workspace::Workspace,
};

/// One step.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// The guide.
    pub(super) file: String,
    /// Where it says what is kept.
    pub(super) line: usize,
    pub(super) number: usize,
    /// The numbers of the promises that are kept after it.
    pub(super) kept: Vec<usize>,
}

impl Step {
    /// Whether the promise at `index` is kept after it.
    pub(super) fn keeps(&self, index: usize) -> bool {
        self.kept.contains(&(index + 1))
    }
}

/// `crates/01-graceful-shutdown/steps/2.patch`
pub(super) fn patch(topic: &Topic, step: usize) -> PathBuf {
    PathBuf::from(format!("{}/steps/{step}.patch", topic.folder()))
}

/// The steps that the guides of `topic` describe, in order.
pub(super) fn steps(workspace: &Workspace, topic: &Topic) -> anyhow::Result<Vec<Step>> {
    let mut steps = Vec::new();
    for guide in topic.guides {
        let file = format!("guides/{guide}.md");
        steps.extend(read(&file, &workspace.read(&file)?));
    }
    Ok(steps)
}

fn read(file: &str, text: &str) -> Vec<Step> {
    let lines = (1..).zip(text.lines());
    let section = lines.skip_while(|(_, line)| *line != "## The exercise").skip(1);
    let section = section.take_while(|(_, line)| !line.starts_with("## "));
    let mut number = 0;
    let mut steps = Vec::new();
    for (line, text) in section {
        let item = text.split_once(". ").and_then(|(digits, _)| digits.parse().ok());
        number = item.unwrap_or(number);
        if let Some((_, kept)) = text.split_once(KEPT) {
            steps.push(Step { file: file.to_owned(), line, number, kept: numbers(kept) });
        }
    }
    steps
}

/// The numbers in `promises 1, 4 to 6 and 9.`, up to the period.
fn numbers(text: &str) -> Vec<usize> {
    let text = text.trim_start_matches("promises ").trim_start_matches("promise ");
    let list = text.split('.').next().unwrap_or_default().replace(" and ", ", ");
    let ranges = list.split(", ").filter_map(|part| {
        let (from, to) = part.split_once(" to ").unwrap_or((part, part));
        Some(from.trim().parse().ok()?..=to.trim().parse().ok()?)
    });
    ranges.flatten().collect()
}

/// What is wrong with the steps before any program is judged.
pub(super) fn problems(workspace: &Workspace, chapter: &Chapter, steps: &[Step]) -> Vec<String> {
    let Some(last) = steps.last() else {
        return vec![format!(
            "no guide of {} says after a step \"{KEPT}promises …\". Add that to each step.",
            chapter.exercise.name()
        )];
    };
    let mut problems = order(steps, chapter.promises.len());
    for step in 1..last.number {
        let patch = patch(chapter.topic, step);
        if !workspace.has(&patch) {
            let (file, line) = (&last.file, last.line);
            problems.push(format!(
                "{file}:{line} is step {}, and {} is missing.",
                last.number,
                patch.display()
            ));
        }
    }
    let folder = format!("{}/steps", chapter.topic.folder());
    if workspace.files(&folder, ".patch").len() >= last.number {
        problems.push(format!("{folder} has a patch for step {} or a later one.", last.number));
    }
    problems
}

/// Steps count up, no promise that was kept breaks later, and the last step keeps all `promises`.
fn order(steps: &[Step], promises: usize) -> Vec<String> {
    let mut problems = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let Step { file, line, number, kept } = step;
        if *number != at + 1 {
            problems
                .push(format!("{file}:{line} is step {number}, after {at} others. Number it so."));
        }
        for unknown in kept.iter().filter(|kept| !(1..=promises).contains(*kept)) {
            problems.push(format!("{file}:{line} says promise {unknown}; there are {promises}."));
        }
        let before = at.checked_sub(1).map_or(&[][..], |before| &steps[before].kept);
        for lost in before.iter().filter(|promise| !kept.contains(promise)) {
            problems.push(format!(
                "{file}:{line} says that step {number} breaks promise {lost} again. Reorder the steps."
            ));
        }
    }
    let last =
        steps.last().filter(|step| (1..=promises).any(|promise| !step.kept.contains(&promise)));
    problems.extend(last.map(|Step { file, line, .. }| {
        format!(
            "{file}:{line} is the last step, and must say that promises 1 to {promises} are kept."
        )
    }));
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "1. Kept after this step: promises 9.\n## The exercise\n\nText.\n\n\
        1. **One**: f. Kept after this step: promises 1, 2 and 11.\n\
        2. Two.\n   Kept after this step: promises 1 to 4, 11.\n\n## Further\n\
        3. Kept after this step: promises 9.\n";

    fn step(number: usize, kept: &[usize]) -> Step {
        Step { file: "g.md".into(), line: number, number, kept: kept.to_vec() }
    }

    #[test]
    fn the_steps_of_a_guide_say_what_is_kept() {
        let steps = read("g.md", GUIDE);
        let read: Vec<_> = steps.iter().map(|s| (s.line, s.number, s.kept.clone())).collect();
        assert_eq!(read, [(6, 1, vec![1, 2, 11]), (8, 2, vec![1, 2, 3, 4, 11])]);
        assert!(steps[0].keeps(10) && !steps[0].keeps(2));
        assert_eq!(numbers("promise 1. And 2."), [1]);
    }

    #[test]
    fn steps_lead_forward_to_all_promises() {
        assert_eq!(order(&[step(1, &[1]), step(2, &[1, 2, 3])], 3), [""; 0]);
        for (steps, why) in [
            (vec![step(1, &[1, 2]), step(2, &[1, 3])], "step 2 breaks promise 2 again"),
            (vec![step(1, &[1]), step(2, &[1, 2])], "promises 1 to 3 are kept"),
            (vec![step(1, &[1]), step(3, &[1, 2, 3])], "is step 3, after 1 others"),
            (vec![step(1, &[1, 2, 3, 4])], "says promise 4; there are 3"),
        ] {
            let problems = order(&steps, 3).join("\n");
            assert!(problems.contains(why), "{problems}");
        }
    }
}
