//! What a story says beside its timeline: what the program itself told, or a question.

use events::{Entry, Panic, spin};

/// The advice under the story of `timeline`, whose check would ask `question`.
///
/// A `todo!()` explains everything that came after it, and so does a primary that spins: then no
/// question is nearer to the cause. After any other panic the question may be.
pub(super) fn of(timeline: &[Entry], question: Option<String>) -> Option<String> {
    let Some(panic) = Panic::first(timeline) else {
        return spinning(timeline).or(question);
    };
    let place = panic.place;
    if let Some(todo) = panic.todo() {
        let todo = if todo.is_empty() { String::new() } else { format!(": “{todo}”") };
        return Some(format!("The program came to a todo!() at {place}{todo}."));
    }
    let panicked = format!("The program panicked at {place}: “{}”.", panic.message);
    Some(question.map_or(panicked.clone(), |question| format!("{panicked} {question}")))
}

fn spinning(timeline: &[Entry]) -> Option<String> {
    let usage = spin::of_primary(timeline)?;
    Some(format!("The primary spins: it{usage}. Which of its loops goes round without a wait?"))
}
