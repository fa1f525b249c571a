//! The line that says where a program listens, and what is wrong with a line that almost says so.

use std::net::SocketAddr;

use events::{Entry, Event, Exit, ServiceEvent, Source};
use serde_json::Value;

/// How a program's start went.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It says where clients connect, and where operators do, if there is such a place.
    Listens(SocketAddr, Option<SocketAddr>),
    /// It means to, and this is wrong with the line.
    AlmostSaysSo(String),
    Ended(Exit),
}

/// What the first line about listening says. A line that isn't meant to be that event says nothing.
pub(super) fn start(entries: &[Entry]) -> Option<Start> {
    entries.iter().find_map(|entry| match (&entry.event, entry.source) {
        (Some(Event::Service(ServiceEvent::Listening { address, admin })), _) => {
            Some(Start::Listens(*address, *admin))
        }
        (None, Source::Output) => what_is_wrong(&entry.text).map(Start::AlmostSaysSo),
        (Some(_) | None, _) => None,
    })
}

/// What a program said instead of that line, once it is clear that the line does not come.
pub(super) fn instead(entries: &[Entry]) -> Option<String> {
    let mut output = entries.iter().filter(|entry| entry.source == Source::Output);
    let said = output.find(|entry| entry.text.to_lowercase().contains("listening"))?;
    let line: String = said.text.chars().take(60).collect();
    let why = match serde_json::from_str::<Value>(&said.text) {
        Err(_) => "isn't a JSON object",
        Ok(_) => "has no \"event\":\"listening\"",
    };
    Some(format!("`{line}` {why}"))
}

/// What is wrong with `line`, if it is the event `listening` and can't be understood.
fn what_is_wrong(line: &str) -> Option<String> {
    // Most lines are something else, and there may be many.
    if !line.contains("listening") {
        return None;
    }
    let value = serde_json::from_str::<Value>(line).ok()?;
    if value.get("event")? != "listening" {
        return None;
    }
    Some(match (value.get("address"), value.get("port")) {
        (None, Some(port)) => format!("`port` ({port}), and no `address`"),
        (None, None) => "no `address`".to_owned(),
        (Some(address), _) => match (address_of(address), value.get("admin").map(address_of)) {
            (Err(wrong), _) => format!("an `address` that is {wrong}"),
            (Ok(_), Some(Err(wrong))) => format!("an `admin` that is {wrong}"),
            (Ok(_), Some(Ok(_)) | None) => return None,
        },
    })
}

fn address_of(value: &Value) -> Result<SocketAddr, String> {
    let Some(text) = value.as_str() else {
        return Err(format!("not a text in quotes: {value}"));
    };
    text.parse().map_err(|_| match text.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => {
            format!("`{text}`, with a name instead of the IP address `{host}` stands for")
        }
        Some(_) | None => format!("`{text}`, not an IP address and a port"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(line: &str) -> Option<Start> {
        start(&[Entry::from_line(0.0, line)])
    }

    #[test]
    fn a_near_miss_says_what_is_wrong_with_it() {
        for (line, wrong) in [
            (r#"{"event":"listening","address":"localhost:8000"}"#, "with a name instead"),
            (r#"{"event":"listening","port":8000}"#, "`port` (8000), and no `address`"),
            (r#"{"event":"listening"}"#, "no `address`"),
            (r#"{"event":"listening","address":8000}"#, "not a text in quotes: 8000"),
            (r#"{"event":"listening","address":":::8000"}"#, "`:::8000`"),
            (r#"{"event":"listening","address":"127.0.0.1:1","admin":"x:2"}"#, "an `admin`"),
        ] {
            let Some(Start::AlmostSaysSo(said)) = heard(line) else {
                panic!("{line} is a near miss")
            };
            assert!(said.contains(wrong), "{line}: {said}");
        }
    }

    #[test]
    fn the_event_is_understood_and_other_lines_are_none() {
        let line = r#"{"event":"listening","address":"127.0.0.1:8000","pid":7}"#;
        let address = SocketAddr::from(([127, 0, 0, 1], 8000));
        assert_eq!(heard(line), Some(Start::Listens(address, None)));
        for line in ["listening on 8000", r#"{"event":"worker-listening"}"#, "listening", "[]"] {
            assert_eq!(heard(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_said_instead_is_shown_in_the_end() {
        let instead = |line: &str| instead(&[Entry::from_line(0.0, line)]);
        let text = instead("Server listening on port 8000").expect("it says so");
        assert!(text.ends_with("isn't a JSON object"), "{text}");
        let text = instead(r#"{"type":"listening"}"#).expect("it says so");
        assert!(text.contains(r#"no "event""#), "{text}");
        assert_eq!(instead("ready"), None);
    }
}
