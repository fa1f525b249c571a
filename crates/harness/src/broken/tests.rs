use events::Entry;

use super::*;
use crate::cluster::{ENDED, THE_END};

const TODO_1: &str = "thread 'main' (7) panicked at exercises/exercise-1.rs:129:5:";
const TODO_2: &str = "thread 'main' (8) panicked at exercises/exercise-1.rs:99:5:";

fn texts(story: &Story) -> Vec<&str> {
    story.timeline.iter().map(|entry| entry.text.as_str()).collect()
}

fn here(story: &Story) -> &str {
    let marked = story.timeline.iter().find(|entry| entry.here);
    marked.map_or("", |entry| &entry.text)
}

/// A run that is as it should be, whose worker came to a `todo!()` all the same.
fn an_earlier_run(recorder: &Recorder) {
    recorder.started("started exercise-1");
    recorder.hear(TODO_1);
    recorder.hear("not yet implemented: write the journal");
    recorder.observe("200");
    recorder.observe(THE_END);
    recorder.observe(format!("{ENDED}killed by SIGKILL (pid 7)"));
}

#[test]
fn the_story_is_of_the_run_that_broke() {
    let recorder = Recorder::default();
    an_earlier_run(&recorder);
    recorder.started("started exercise-1");
    recorder.hear(TODO_2);
    recorder.observe("GET /slow");
    recorder.hear("not yet implemented: whose decision is it?");
    let moment = recorder.observe("connection reset");
    recorder.observe(THE_END);
    recorder.observe(format!("{ENDED}killed by SIGKILL (pid 8)"));
    for broken in [Broken::new("200", "reset").at(moment), Broken::new("200", "reset")] {
        let story = broken.advice("Whose question is this?").story(&recorder);
        assert_eq!(here(&story), "connection reset");
        assert_eq!(
            story.timeline.first().map(|entry| entry.text.as_str()),
            Some("started exercise-1")
        );
        assert!(!texts(&story).contains(&"200") && !texts(&story).contains(&THE_END));
        assert_eq!(
            story.advice.as_deref(),
            Some(
                "The program came to a todo!() at exercises/exercise-1.rs:99:5: “whose decision is it?”."
            ),
            "a todo!() explains it, and no question does"
        );
    }
}

#[test]
fn a_run_that_broke_before_another_one_is_shown_with_its_mark() {
    let recorder = Recorder::default();
    recorder.started("started first");
    let moment = recorder.observe("exit code 0");
    recorder.observe(format!("{ENDED}exit code 0 (pid 7)"));
    recorder.started("started second");
    recorder.observe(THE_END);
    let story = Broken::new("exit code 1", "exit code 0").at(moment).story(&recorder);
    assert_eq!(texts(&story)[..2], ["started first", "exit code 0"]);
    assert_eq!(here(&story), "exit code 0");
}

#[test]
fn a_run_beside_another_one_belongs_to_the_story() {
    let recorder = Recorder::default();
    recorder.started("started with a frozen worker");
    recorder.started("started beside it, as a control");
    let moment = recorder.observe("too late");
    let story = Broken::new("in time", "too late").at(moment).story(&recorder);
    assert_eq!(texts(&story).len(), 3);
}

#[test]
fn without_a_moment_it_broke_at_the_last_observation_of_the_last_run() {
    let recorder = Recorder::default();
    an_earlier_run(&recorder);
    recorder.started("started again");
    recorder.observe("SIGTERM sent to the primary");
    recorder.observe(format!("{ENDED}exit code 1 (pid 8)"));
    let story = Broken::new("exit code 0", "exit code 1").story(&recorder);
    assert_eq!(here(&story), format!("{ENDED}exit code 1 (pid 8)"));
    assert_eq!(story.timeline.len(), 3);
    assert_eq!(story.advice, None);
}

#[test]
fn after_any_other_panic_the_question_stays() {
    let recorder = Recorder::default();
    recorder.started("started exercise-1");
    recorder.hear(TODO_1);
    recorder.hear("index out of bounds");
    let broken = Broken::new("200", "reset").advice("Who held it?");
    let advice = broken.story(&recorder).advice.unwrap_or_default();
    assert!(advice.ends_with("129:5: “index out of bounds”. Who held it?"), "{advice}");
}

#[test]
fn a_flood_of_output_hides_no_panic() {
    let recorder = Recorder::default();
    recorder.started("started exercise-1");
    for line in 0..500 {
        recorder.hear(&format!("debug {line}"));
    }
    recorder.hear(TODO_1);
    recorder.hear("not yet implemented: write the journal");
    recorder.hear("debug again");
    let story = Broken::new("200", "reset").story(&recorder);
    let advice = story.advice.unwrap_or_default();
    assert!(advice.contains("“write the journal”"), "{advice}");
    assert!(story.timeline.len() < 300, "{} entries", story.timeline.len());
}

#[test]
fn long_after_a_todo_the_question_comes_first() {
    let line = |at, text| Entry::from_line(at, text);
    let mut timeline = vec![
        line(0.2, TODO_1),
        line(0.2, "not yet implemented: write the journal"),
        Entry::observed(0.9, "cut off"),
        Entry::observed(11.2, "still running"),
    ];
    let mut told = |here: usize| {
        timeline.iter_mut().enumerate().for_each(|(at, entry)| entry.here = at == here);
        advice::of(&timeline, Some("What ends the wait?".into())).unwrap_or_default()
    };
    let late = told(3);
    assert!(
        late.starts_with("What ends the wait? 11 s earlier the program came to a todo!()"),
        "{late}"
    );
    assert!(told(2).starts_with("The program came to a todo!()") && !told(2).contains('?'));
}

#[test]
fn a_todo_that_is_read_after_the_end_belongs_to_the_story() {
    let story_after = |message: &str| {
        let recorder = Recorder::default();
        recorder.started("started exercise-1");
        recorder.observe("connection closed without an answer");
        recorder.observe(THE_END);
        recorder.hear(TODO_1);
        recorder.hear(message);
        recorder.observe(format!("{ENDED}killed by SIGKILL (pid 7)"));
        Broken::new("200", "no answer").story(&recorder)
    };
    let story = story_after("not yet implemented: write the journal");
    assert_eq!(here(&story), "connection closed without an answer");
    assert_eq!(story.timeline.len(), 4);
    assert!(story.advice.is_some_and(|advice| advice.contains("“write the journal”")));
    let story = story_after("broken pipe");
    assert_eq!((story.timeline.len(), story.advice), (2, None), "its end came from us");
}
