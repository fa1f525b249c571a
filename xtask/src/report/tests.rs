//! What a learner reads, to the letter.

use events::{Entry, contract::Story};

use super::*;
use crate::{mutants::Mutant, syllabus::TOPICS};

fn promises() -> Vec<Promise> {
    let promise = |id: &str, sentence: &str, extra| Promise {
        id: id.into(),
        sentence: sentence.into(),
        extra,
        guide: "guides/01-graceful-shutdown-patterns.md#connection-draining".into(),
    };
    vec![
        promise("both_answer", "Both workers answer.", false),
        promise("in_flight", "A request in flight when SIGTERM arrives is answered.", false),
        promise("own_timeouts", "SIGINT and SIGTERM have timeouts of their own.", true),
    ]
}

fn words<'a>(promises: &'a [Promise], source: &'a Source) -> Words<'a> {
    colored::control::set_override(false);
    Words {
        topic: &TOPICS[1],
        exercise: TOPICS[1].exercise.as_ref().unwrap(),
        source,
        promises,
        width: 80,
    }
}

fn report(status: Status) -> Report {
    Report { millis: 412, ..Report::bare(status) }
}

fn story() -> Story {
    let mut reset = Entry::observed(0.305, "GET /slow: connection reset");
    reset.here = true;
    Story {
        expected: "200 within the 5 s drain timeout".into(),
        observed: "connection reset after 4 ms".into(),
        advice: Some("Did anything in exercises/exercise-1.rs listen for it?".into()),
        timeline: vec![Entry::observed(0.301, "SIGTERM sent to the primary"), reset],
    }
}

#[test]
fn a_kept_promise_is_one_line_with_its_time_at_the_right() {
    let promises = promises();
    let line = words(&promises, &Source::Own).kept(0, &report(Status::Kept));
    assert_eq!(line.chars().count(), 80);
    assert!(line.starts_with("✓ 1/2  Both workers answer.  "), "{line}");
    assert!(line.ends_with("  412 ms"), "{line}");
    let extra = words(&promises, &Source::Own).kept(2, &report(Status::Kept));
    assert!(extra.starts_with("✓ 3    SIGINT and SIGTERM"), "{extra}");
}

#[test]
fn a_broken_promise_tells_its_story_and_one_next_step() {
    let promises = promises();
    let text = words(&promises, &Source::Own).story(1, &story(), None);
    assert_eq!(
        text,
        "       expected  200 within the 5 s drain timeout
       observed  connection reset after 4 ms
         0.301  observed  SIGTERM sent to the primary
         0.305  observed  GET /slow: connection reset  <- here
       Did anything in exercises/exercise-1.rs listen for it?
       guide     guides/01-graceful-shutdown-patterns.md#connection-draining
       next      cargo xtask hint exercise-1
       again     cargo xtask check exercise-1 --only 2
"
    );
}

#[test]
fn a_todo_comes_before_what_was_expected() {
    let promises = promises();
    let todo = "The program came to a todo!() at exercises/exercise-1.rs:99:5: “drain”.";
    let story = Story { advice: Some(todo.into()), ..story() };
    let text = words(&promises, &Source::Own).story(1, &story, None);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in\n{text}"));
    assert!(place("came to a todo!()") < place("expected"), "{text}");
    assert_eq!(text.matches("todo!()").count(), 1, "{text}");
}

#[test]
fn a_likeness_names_the_misconception_and_its_passage() {
    let mutant = Mutant {
        name: "x".into(),
        file: "x.patch".into(),
        lesson: "The worker drops its connections".into(),
        killed_by: "in_flight".into(),
        observed: "reset".into(),
        guide: "guides/01.md#dropped".into(),
        evidence: None,
    };
    let promises = promises();
    let source = Source::Program("node server.js".into());
    let text = words(&promises, &source).story(1, &story(), Some(&mutant));
    assert!(text.contains("One known cause: The worker drops its connections."));
    assert!(text.contains("guide     guides/01.md#dropped"));
    assert!(
        text.contains("again     cargo xtask check exercise-1 --program 'node server.js' --only 2")
    );
    assert!(!text.contains("hint"), "a foreign program has no hints:\n{text}");
}

#[test]
fn what_was_kept_is_counted_without_the_extras() {
    let promises = promises();
    let words = words(&promises, &Source::Own);
    let stopped = [Status::Kept, Status::Broken, Status::NotReached].map(report);
    assert_eq!(words.failed(&stopped), "1 of 2 promises kept.");
    let passed = [Status::Kept, Status::Kept, Status::Broken].map(report);
    let text = words.passed(&passed, "cargo xtask guide 2");
    assert!(text.contains("Well done: all 2 promises kept."), "{text}");
    assert!(text.ends_with("next   cargo xtask guide 2"), "{text}");
    let all = [Status::Kept; 3].map(report);
    assert!(words.passed(&all, "").contains("and the one beyond the exercise"));
}

#[test]
fn a_program_that_panicked_or_spins_is_likened_to_nothing() {
    let mutant = Mutant {
        name: "x".into(),
        file: "x.patch".into(),
        lesson: "this is a lie".into(),
        killed_by: "in_flight".into(),
        observed: "reset".into(),
        guide: "guides/01.md#lies".into(),
        evidence: None,
    };
    let promises = promises();
    let second = std::time::Duration::from_secs(1);
    for said in [
        Entry::from_line(0.302, "thread 'main' panicked at src/main.rs:1:5:"),
        Entry::observed(0.302, events::spin::sentence(7, true, second, second)),
    ] {
        let mut story = story();
        story.timeline.insert(1, said);
        let text = words(&promises, &Source::Own).story(1, &story, Some(&mutant));
        assert!(!text.contains("One known cause"), "{text}");
    }
}
