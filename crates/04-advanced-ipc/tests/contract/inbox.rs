//! What `/messages` shows.

use harness::{Kept, Trial, patience, wire::Connection};
use serde_json::Value;

use crate::scene::{PROMPT, get};

/// A message as `/messages` shows it: the worker that sent it, and its text.
pub(crate) type Note = (u32, String);

pub(crate) fn note(from: u32, text: &str) -> Note {
    (from, text.to_owned())
}

/// The messages of the worker behind `connection`.
pub(crate) fn messages(trial: &Trial, connection: Connection) -> Kept<(Connection, Vec<Note>)> {
    let (connection, json) = get(trial, connection, "/messages", 200)?;
    Ok((connection, notes(&json)))
}

fn notes(json: &Value) -> Vec<Note> {
    let slot = |from: &Value| from.as_u64().and_then(|slot| u32::try_from(slot).ok());
    let note = |message: &Value| {
        let text = message["text"].as_str().unwrap_or_default();
        (slot(&message["from"]).unwrap_or_default(), text.to_owned())
    };
    json["messages"].as_array().into_iter().flatten().map(note).collect()
}

/// Waits until `/messages` has as many as `expected`: they must be those, in this order.
pub(crate) fn wait_for_messages(
    trial: &Trial,
    connection: Connection,
    expected: &[Note],
) -> Kept<Connection> {
    wait(trial, connection, expected, |there| there.len() >= expected.len())
}

/// The same, until the last of `expected` is there, whose text no other message has.
pub(crate) fn wait_for_the_last(
    trial: &Trial,
    connection: Connection,
    expected: &[Note],
) -> Kept<Connection> {
    let last = expected.last();
    wait(trial, connection, expected, |there| there.iter().any(|note| Some(note) == last))
}

fn wait(
    trial: &Trial,
    mut connection: Connection,
    expected: &[Note],
    is_all: impl Fn(&[Note]) -> bool,
) -> Kept<Connection> {
    let mut last = Vec::new();
    let came = processes::until(patience(PROMPT), || {
        let answer = connection.get("/messages").ok()?;
        last = notes(&serde_json::from_str(&answer.body).ok()?);
        is_all(&last).then_some(())
    });
    let is_right = came.is_some() && last == expected;
    let differ = expected.iter().zip(&last).position(|(one, other)| one != other);
    let from = differ.unwrap_or(expected.len().min(last.len()).saturating_sub(1));
    let observed = some_of(&last, from);
    trial.expect(is_right, some_of(expected, from), observed)?;
    trial.recorder.observe(format!("GET /messages: {} in order", expected.len()));
    Ok(connection)
}

/// How many there are, and some of them from the place `from` on.
pub(crate) fn some_of(notes: &[Note], from: usize) -> String {
    let short =
        |(from, text): &Note| format!("{} from {from}", text.chars().take(12).collect::<String>());
    let some: Vec<String> = notes.iter().skip(from).take(3).map(short).collect();
    let place = if from == 0 { String::new() } else { format!(", from the {}. on", from + 1) };
    format!("{} messages{place}: {}", notes.len(), some.join(", "))
}

/// Waits until `/messages` has `number` of them, or more.
pub(crate) fn wait_for_number(
    trial: &Trial,
    mut connection: Connection,
    number: usize,
) -> Kept<(Connection, Vec<Note>)> {
    let mut last = Vec::new();
    let came = processes::until(patience(PROMPT), || {
        let answer = connection.get("/messages").ok()?;
        last = notes(&serde_json::from_str(&answer.body).ok()?);
        (last.len() >= number).then_some(())
    });
    let observed = format!("{} messages", last.len());
    trial.expect(came.is_some(), format!("{number} messages"), observed)?;
    trial.recorder.observe(format!("GET /messages: {} of them", last.len()));
    Ok((connection, last))
}
