//! The primary, and the program that takes its place.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How it goes with a replacement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum PrimaryEvent {
    /// The next program proves itself as a child.
    #[serde(rename = "primary-rehearses")]
    Rehearses {
        /// Its file.
        program: String,
    },
    /// The primary goes on as it is.
    #[serde(rename = "primary-kept")]
    Kept {
        /// The file of the program that was refused.
        program: String,
        /// Why.
        reason: String,
    },
    /// The same process executes another program now.
    #[serde(rename = "primary-replaced")]
    Replaced {
        /// Its file.
        program: String,
        /// How many programs this primary was before.
        generation: u32,
        /// How many workers it has taken over.
        workers: usize,
        /// How long no worker was heard, in microseconds.
        micros: u64,
    },
}

impl fmt::Display for PrimaryEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrimaryEvent::Rehearses { program } => write!(f, "{program} rehearses"),
            PrimaryEvent::Kept { program, reason } => {
                write!(f, "{program} is refused, and the primary goes on: {reason}")
            }
            PrimaryEvent::Replaced { program, workers, .. } => {
                write!(f, "the primary is {program} now, with the same {workers} workers")
            }
        }
    }
}
