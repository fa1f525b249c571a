//! One line of what happened, as the tester recorded it.

use serde::{Deserialize, Serialize};

use crate::Event;

/// Who says so. Reports are testimony, never evidence: a promise may wait for one, but is judged
/// by observations alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The cluster said it.
    Reported,
    /// The tester did it or saw it.
    Observed,
    /// The program printed something that isn't an event: a debugging line, a panic.
    Output,
}

/// Something that happened, stamped on arrival by the one clock of the tester.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds since the recording began.
    pub at: f64,
    /// Who says so.
    pub source: Source,
    /// What happened, in one sentence.
    pub text: String,
    /// The event behind a reported entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Event>,
    /// Whether this is the moment at which a promise broke.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub here: bool,
}

impl Entry {
    /// Something that the tester did or saw.
    #[must_use]
    pub fn observed(at: f64, text: impl Into<String>) -> Self {
        Entry { at, source: Source::Observed, text: text.into(), event: None, here: false }
    }

    /// A line that the program printed: an event where it is one, plain output otherwise.
    #[must_use]
    pub fn from_line(at: f64, line: &str) -> Self {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => Entry {
                at,
                source: Source::Reported,
                text: event.to_string(),
                event: Some(event),
                here: false,
            },
            Err(_) => Entry {
                at,
                source: Source::Output,
                text: line.to_owned(),
                event: None,
                here: false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pid, Slot, WorkerEvent, WorkerId};

    #[test]
    fn an_event_line_becomes_a_report_with_its_sentence() {
        let entry = Entry::from_line(0.5, r#"{"event":"worker-ready","worker":2,"pid":4242}"#);
        assert_eq!(entry.source, Source::Reported);
        assert_eq!(entry.text, "worker 2 ready (pid 4242)");
        let id = WorkerId { slot: Slot(2), pid: Pid(4242) };
        assert_eq!(entry.event, Some(WorkerEvent::Ready(id).into()));
    }

    #[test]
    fn any_other_line_is_output_even_if_it_is_json() {
        for line in ["got here", r#"{"event":"tea-ready"}"#, r#"{"level":"info"}"#, "", "{"] {
            let entry = Entry::from_line(0.0, line);
            assert_eq!((entry.source, entry.text.as_str()), (Source::Output, line));
        }
    }
}
