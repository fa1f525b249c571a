//! What a client asks for: a type of task, and its number.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The largest whole number that JavaScript's numbers have, too.
const LARGEST: u64 = (1 << 53) - 1;

/// A type of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The n-th Fibonacci number, computed recursively.
    Fibonacci,
    /// Whether n is a prime number.
    Prime,
    /// n rounds of SHA-256.
    Hash,
    /// Waits until a file named n is in `HOLD_DIR`.
    Hold,
    /// Keeps a core busy forever.
    Spin,
    /// Kills its own process once it has started.
    Crash,
}

impl Kind {
    const ALL: [(&str, Kind); 6] = [
        ("fibonacci", Kind::Fibonacci),
        ("prime", Kind::Prime),
        ("hash", Kind::Hash),
        ("hold", Kind::Hold),
        ("spin", Kind::Spin),
        ("crash", Kind::Crash),
    ];

    fn numbers(self) -> RangeInclusive<u64> {
        match self {
            Kind::Fibonacci => 0..=40,
            Kind::Hash => 1..=1_000_000,
            Kind::Prime | Kind::Hold | Kind::Spin | Kind::Crash => 0..=LARGEST,
        }
    }
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Its number.
    pub n: u64,
    /// An extra: 0 to 9. A higher one passes lower ones.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub priority: u8,
    /// An extra: the client's own name for the task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(priority: &u8) -> bool {
    *priority == 0
}

impl Work {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// Says in one sentence what is wrong.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body isn't JSON")?;
        let name = body["type"].as_str();
        let Some((name, kind)) = Kind::ALL.into_iter().find(|(known, _)| Some(*known) == name)
        else {
            let known: Vec<&str> = Kind::ALL.iter().map(|(name, _)| *name).collect();
            return Err(format!("type is one of {}", known.join(", ")));
        };
        let numbers = kind.numbers();
        let Some(n) = body["n"].as_u64().filter(|n| numbers.contains(n)) else {
            let (least, most) = numbers.into_inner();
            return Err(format!("n of {name} is a whole number from {least} to {most}"));
        };
        let priority = body.get("priority").map_or(Some(0), Value::as_u64);
        let Some(priority) = priority.and_then(|p| u8::try_from(p).ok()).filter(|p| *p <= 9) else {
            return Err("priority is a whole number from 0 to 9".to_owned());
        };
        Ok(Work { kind, n, priority, key: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused() {
        for body in [
            "",
            "tea",
            "[]",
            "7",
            r#"{"n":7}"#,
            r#"{"type":"tea","n":7}"#,
            r#"{"type":"prime"}"#,
            r#"{"type":"prime","n":-1}"#,
            r#"{"type":"prime","n":1.5}"#,
            r#"{"type":"prime","n":"7"}"#,
            r#"{"type":"prime","n":9007199254740992}"#,
            r#"{"type":"fibonacci","n":41}"#,
            r#"{"type":"hash","n":0}"#,
            r#"{"type":"prime","n":7,"priority":10}"#,
            r#"{"type":"prime","n":7,"priority":"high"}"#,
        ] {
            assert!(Work::read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn what_makes_sense_is_read() {
        let work = Work::read(br#"{"type":"prime","n":9007199254740991,"priority":3}"#);
        let wanted = Work { kind: Kind::Prime, n: LARGEST, priority: 3, key: None };
        assert_eq!(work, Ok(wanted));
    }
}
