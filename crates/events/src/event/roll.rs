//! A roll to another version.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a roll is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event")]
pub enum RollEvent {
    /// The primary begins to replace every worker.
    #[serde(rename = "roll-started")]
    Started {
        /// The version that runs.
        from: String,
        /// The version that every worker runs in the end.
        to: String,
    },
    /// The new version is given up; every worker goes back to the old one.
    #[serde(rename = "roll-abandoned")]
    Abandoned {
        /// The version that is given up.
        version: String,
        /// Why.
        reason: String,
    },
    /// Every slot runs one version again.
    #[serde(rename = "roll-finished")]
    Finished {
        /// That version.
        version: String,
        /// Whether it is the version that was asked for.
        outcome: RollOutcome,
        /// How long it took.
        millis: u64,
    },
}

/// How a roll ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollOutcome {
    /// Every worker runs the new version.
    RolledOut,
    /// Every worker runs the old version again.
    RolledBack,
}

impl fmt::Display for RollEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RollEvent::Started { from, to } => write!(f, "rolling from {from} to {to}"),
            RollEvent::Abandoned { version, reason } => {
                write!(f, "{version} is given up: {reason}")
            }
            RollEvent::Finished { version, outcome: RollOutcome::RolledOut, millis } => {
                write!(f, "rolled out {version} in {millis} ms")
            }
            RollEvent::Finished { version, outcome: RollOutcome::RolledBack, millis } => {
                write!(f, "rolled back to {version} in {millis} ms")
            }
        }
    }
}
