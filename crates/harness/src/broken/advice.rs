//! What a story says beside its timeline: what the program itself told, or a question.

use events::{CAME_TO_A_TODO, Entry, Panic, spin};

/// A program that came to a `todo!()` this long before its promise broke went on without it.
const WENT_ON: f64 = 1.0;

/// The advice under the story of `timeline`, whose check would ask `question`.
///
/// A `todo!()` explains what comes right after it, and a primary that spins explains everything:
/// then no question is nearer to the cause. After any other panic, or long after a `todo!()`, the
/// question may be.
pub(super) fn of(timeline: &[Entry], question: Option<String>) -> Option<String> {
    let Some(panic) = Panic::first(timeline) else {
        return spinning(timeline).or(question);
    };
    let place = panic.place;
    let Some(todo) = panic.todo() else {
        let panicked = format!("The program panicked at {place}: “{}”.", panic.message);
        return Some(together(Some(panicked), question));
    };
    let todo = if todo.is_empty() { String::new() } else { format!(": “{todo}”") };
    let here = timeline.iter().find(|entry| entry.here).map_or(panic.at, |entry| entry.at);
    let gap = here - panic.at;
    if gap < WENT_ON || question.is_none() {
        return Some(format!("{CAME_TO_A_TODO} at {place}{todo}."));
    }
    let earlier = format!("{gap:.0} s earlier the program came to a todo!() at {place}{todo}.");
    Some(together(question, Some(earlier)))
}

fn together(first: Option<String>, second: Option<String>) -> String {
    first.into_iter().chain(second).collect::<Vec<_>>().join(" ")
}

fn spinning(timeline: &[Entry]) -> Option<String> {
    let usage = spin::of_primary(timeline)?;
    Some(format!("The primary spins: it{usage}. Which of its loops goes round without a wait?"))
}
