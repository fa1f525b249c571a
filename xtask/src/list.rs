//! `cargo xtask list`: topics, examples, exercises, guides, state and time.

use colored::Colorize;
use serde_json::{Value, json};

use crate::{
    exit::Verdict,
    next,
    progress::{Attempts, Progress},
    status::{how_far, is_done},
    syllabus::{Exercise, TOPICS, Topic},
    terminal::{say, width},
    workspace::Workspace,
    wrap::hang,
};

/// Prints the syllabus.
pub(crate) fn list(workspace: &Workspace, as_json: bool) -> Verdict {
    let progress = Progress::load(workspace);
    if as_json {
        let topics: Vec<Value> =
            TOPICS.iter().map(|topic| object(workspace, &progress, topic)).collect();
        say(json!({ "topics": topics }).to_string());
        return Verdict::Kept;
    }
    for topic in &TOPICS {
        say(entry(workspace, &progress, topic));
    }
    say("");
    for (what, command) in [
        ("Play a tour:      ", "cargo xtask run 02-rolling-restart"),
        ("Read a guide:     ", "cargo xtask guide 1"),
        ("Check your work:  ", "cargo xtask check exercise-1"),
    ] {
        say(hang(what, command, width()));
    }
    Verdict::Kept
}

fn entry(workspace: &Workspace, progress: &Progress, topic: &Topic) -> String {
    if !topic.is_built(workspace) {
        let text = format!("{}, coming", topic.title);
        return hang(&format!("    {}  ", topic.slug()), &text, width()).dimmed().to_string();
    }
    let mark = mark(topic_state(workspace, progress, topic));
    let title = topic.title;
    let mut lines = vec![hang(&format!("  {mark} {}  ", topic.slug().bold()), title, width())];
    for guide in topic.guides.iter().filter(|guide| is_there(workspace, guide)) {
        lines.push(item("guide", &format!("guides/{guide}.md")));
    }
    let reading = format!("({} min)", topic.reading).dimmed();
    lines.push(item("example", &format!("{} {reading}", topic.example)));
    lines.extend(topic.exercise.as_ref().filter(|_| topic.has_exercise(workspace)).map(
        |exercise| {
            let (least, most) = exercise.minutes;
            let time = format!("({least} to {most} min)").dimmed();
            let state = exercise_state(progress, exercise);
            item("exercise", &format!("{} {time} {state}", exercise.file()))
        },
    ));
    lines.join("\n") + "\n"
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Coming,
    New,
    Begun,
    Done,
}

fn topic_state(workspace: &Workspace, progress: &Progress, topic: &Topic) -> State {
    let played = progress.seen.contains(&next::played(topic));
    match &topic.exercise {
        _ if !topic.is_built(workspace) => State::Coming,
        Some(exercise) if is_done_now(progress, exercise) => State::Done,
        Some(exercise) if progress.exercises.contains_key(&exercise.name()) => State::Begun,
        None if played => State::Done,
        Some(_) if played => State::Begun,
        Some(_) | None => State::New,
    }
}

fn is_done_now(progress: &Progress, exercise: &Exercise) -> bool {
    progress.exercises.get(&exercise.name()).is_some_and(Attempts::is_done_now)
}

fn mark(state: State) -> String {
    match state {
        State::Done => "✓".green().to_string(),
        State::Begun => "›".yellow().to_string(),
        State::New | State::Coming => "·".into(),
    }
}

fn exercise_state(progress: &Progress, exercise: &Exercise) -> String {
    progress.exercises.get(&exercise.name()).map_or_else(|| "not begun".into(), how_far)
}

/// `      guide     guides/….md`: a line of a topic.
fn item(name: &str, text: &str) -> String {
    hang(&format!("      {name:<10}"), text, width())
}

fn is_there(workspace: &Workspace, guide: &str) -> bool {
    workspace.has(format!("guides/{guide}.md"))
}

fn object(workspace: &Workspace, progress: &Progress, topic: &Topic) -> Value {
    let state = match topic_state(workspace, progress, topic) {
        State::Coming => "coming",
        State::New => "new",
        State::Begun => "begun",
        State::Done => "done",
    };
    let guides = topic.guides.iter().filter(|guide| is_there(workspace, guide));
    let guides: Vec<String> = guides.map(|guide| format!("guides/{guide}.md")).collect();
    let exercise = topic.exercise.as_ref().filter(|_| topic.has_exercise(workspace));
    json!({
        "topic": topic.slug(),
        "title": topic.title,
        "state": state,
        "example": topic.example,
        "guides": guides,
        "minutes": topic.reading,
        "exercise": exercise.map(|exercise| exercise_object(progress, exercise)),
    })
}

fn exercise_object(progress: &Progress, exercise: &Exercise) -> Value {
    let attempts = progress.exercises.get(&exercise.name());
    json!({
        "name": exercise.name(),
        "file": exercise.file(),
        "minutes": [exercise.minutes.0, exercise.minutes.1],
        "done": is_done(progress, exercise),
        "kept": attempts.map_or(0, |attempts| attempts.kept.len()),
        "needed": attempts.map(|attempts| attempts.needed),
    })
}
