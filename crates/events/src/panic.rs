//! A Rust panic, as a program prints it: a line that says where, then what it said.

use crate::{Entry, Source};

/// How a story begins whose program came to a `todo!()`: that comes before everything else.
pub const CAME_TO_A_TODO: &str = "The program came to a todo!()";

/// A panic in the program under test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Panic<'a> {
    /// When it was heard, in seconds since the recording began.
    pub at: f64,
    /// Such as `exercises/exercise-1.rs:129:5`.
    pub place: &'a str,
    /// What it said, without its place.
    pub message: &'a str,
}

impl<'a> Panic<'a> {
    /// The first panic that `entries` tell of.
    #[must_use]
    pub fn first(entries: &'a [Entry]) -> Option<Self> {
        let at = entries.iter().position(|entry| place(entry).is_some())?;
        let message = message_of(entries, at).map_or("", |at| entries[at].text.as_str());
        Some(Panic { at: entries[at].at, place: place(&entries[at])?, message })
    }

    /// What a `todo!()` says, if this panic is one; empty if it says nothing.
    #[must_use]
    pub fn todo(&self) -> Option<&'a str> {
        let rest = self.message.strip_prefix("not yet implemented")?;
        Some(rest.strip_prefix(": ").unwrap_or_default())
    }
}

/// Where a panic happened, if `entry` is the line that announces one.
#[must_use]
pub fn place(entry: &Entry) -> Option<&str> {
    if entry.source != Source::Output || !entry.text.starts_with("thread '") {
        return None;
    }
    Some(entry.text.split_once(" panicked at ")?.1.trim_end_matches(':'))
}

/// The entry that says what the panic announced at `at` is about. Two processes may panic at once,
/// and events may come between the two lines.
#[must_use]
pub fn message_of(entries: &[Entry], at: usize) -> Option<usize> {
    let is_it = |entry: &Entry| entry.source == Source::Output && place(entry).is_none();
    let after = entries.get(at + 1..)?;
    after.iter().position(is_it).map(|distance| at + 1 + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(lines: &[&str]) -> Vec<Entry> {
        lines.iter().map(|line| Entry::from_line(0.0, line)).collect()
    }

    #[test]
    fn the_first_panic_has_its_place_and_its_message() {
        let entries = output(&[
            "debug: it panicked at noon",
            "thread 'main' (7) panicked at exercises/exercise-1.rs:129:5:",
            r#"{"event":"worker-ready","worker":1,"pid":4242}"#,
            "thread 'main' (8) panicked at exercises/exercise-1.rs:99:5:",
            "not yet implemented: write the journal",
            "not yet implemented: whose decision is it?",
        ]);
        let panic = Panic::first(&entries).expect("there is one");
        assert_eq!(panic.place, "exercises/exercise-1.rs:129:5");
        assert_eq!(panic.todo(), Some("write the journal"));
    }

    #[test]
    fn not_every_panic_is_a_todo() {
        let todo = |message| Panic { at: 0.0, place: "a.rs:1:1", message }.todo();
        assert_eq!(todo("not yet implemented"), Some(""));
        assert_eq!(todo("index out of bounds"), None);
        assert_eq!(Panic::first(&output(&["all is well"])), None);
    }
}
