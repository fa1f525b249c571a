//! Nothing is wider than the terminal, but a word that can't be broken, or a command to paste.

use events::{Entry, contract::Story};

use super::*;
use crate::syllabus::TOPICS;

/// The longest link of the contracts.
const LINK: &str = "guides/01-graceful-shutdown-patterns.md#signals-and-who-receives-them";

fn promise(sentence: &str, extra: bool) -> Promise {
    Promise { id: "id".into(), sentence: sentence.into(), extra, guide: LINK.into() }
}

/// Everything that a check may say, in a terminal of `width` columns.
fn everything(width: usize) -> String {
    colored::control::set_override(false);
    let sentence = "A request in flight at SIGINT is answered whole, also when every process gets \
        the signal.";
    let promises = [promise(sentence, false), promise(sentence, true)];
    let topic = &TOPICS[2];
    let exercise = topic.exercise.as_ref().unwrap();
    let words = Words { topic, exercise, source: &Source::Own, promises: &promises, width };
    let story = Story {
        expected: sentence.into(),
        observed: sentence.into(),
        advice: Some(sentence.into()),
        timeline: vec![Entry::observed(0.3, sentence)],
    };
    let report =
        |status| Report { millis: 12_345, story: Some(story.clone()), ..Report::bare(status) };
    let reports = [report(Status::Broken), report(Status::NotReached)];
    let kept = [report(Status::Kept), report(Status::Kept)];
    let said = [
        words.heading(),
        words.broken(0, &reports[0]),
        words.skipped(1, &reports[0]),
        words.story(0, &story, None),
        words.beyond(1, &story),
        words.failed(&reports),
        words.passed(&kept, "cargo xtask guide 4"),
        words.passed_one(),
        words.run((1, 20), None, Some((0, Status::Broken)), 12_345),
        words.runs(20, None, (19, 1), &[(0, 1)]),
    ];
    said.join("\n")
}

#[test]
fn no_line_of_a_check_is_wider_than_the_terminal() {
    for width in [100, 80, 60, 40, 30] {
        for line in everything(width).lines() {
            // Neither can be shown in 30 columns.
            let is_command = line.contains("cargo xtask") || line.contains("0.300  observed");
            let is_command = is_command && (width < 40 || line.contains("cargo"));
            let longest = line.split_whitespace().map(visible_width).max().unwrap_or_default();
            let indent = line.len() - line.trim_start().len();
            let may_be = if is_command || longest + indent > width - 10 { 100 } else { width };
            assert!(visible_width(line) <= may_be, "at {width}: {line}");
        }
    }
    let wide = everything(80);
    let widest = wide.lines().map(visible_width).max();
    assert!(widest.is_some_and(|widest| widest <= 80), "without exception:\n{wide}");
}
