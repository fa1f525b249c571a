//! The end of the cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::numbers::thousands;

/// How a shutdown goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum ShutdownEvent {
    /// The primary was asked to stop, and drains.
    #[serde(rename = "shutdown-started")]
    Started {
        /// The signal's name, such as `SIGTERM`.
        signal: String,
        /// How long the drain may take.
        timeout_ms: u64,
    },
    /// The primary stopped waiting and killed the workers that were left.
    #[serde(rename = "shutdown-forced")]
    Forced {
        /// Why it did not wait any longer.
        reason: String,
    },
    /// Every worker is gone; the primary exits next.
    #[serde(rename = "shutdown-complete")]
    Complete {
        /// How the drain went.
        outcome: Outcome,
        /// Requests answered since the drain began.
        drained: usize,
        /// Connections closed with a request that was begun and not answered.
        cut: usize,
        /// How long it took.
        millis: u64,
    },
}

/// How a drain went, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All work was finished.
    Drained,
    /// The deadline cut work off.
    Cut,
    /// A second signal ended it.
    Forced,
}

impl fmt::Display for ShutdownEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ShutdownEvent::Started { signal, timeout_ms } => {
                write!(f, "{signal}: draining for at most {timeout_ms} ms")
            }
            ShutdownEvent::Forced { reason } => write!(f, "killing what is left: {reason}"),
            ShutdownEvent::Complete { outcome, drained, cut, millis } => {
                let drained = thousands(*drained);
                match outcome {
                    Outcome::Drained => {
                        write!(f, "shutdown complete in {millis} ms: {drained} answered")
                    }
                    Outcome::Cut => {
                        let lost = match cut {
                            0 => "a worker lost".to_owned(),
                            cut => format!("{} cut", thousands(*cut)),
                        };
                        write!(f, "shutdown cut short in {millis} ms: {drained} answered, {lost}")
                    }
                    // Killed workers report nothing, so what they held is unknown.
                    Outcome::Forced => write!(f, "shutdown forced after {millis} ms"),
                }
            }
        }
    }
}
