//! How far a roll is, and how the last one ended: what `GET /roll` answers.
//!
//! A signal carries no answer. Whoever sent SIGUSR2 asks here, and learns that it failed.

use std::time::Duration;

use events::{Event, RollOutcome, millis};
use serde::{Deserialize, Serialize};

use super::Version;

/// What the cluster is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Every slot runs the same version, or is about to.
    Steady,
    /// On the way to a new version.
    Rolling,
    /// On the way back to the old one.
    RollingBack,
}

/// What the cluster is doing, and how its last roll ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// The version that every slot runs, or will run in the end.
    pub version: Version,
    /// Why it is on the way back, if it is.
    pub reason: Option<String>,
    /// How many rolls have ended, well or badly.
    pub finished: u32,
    /// The last of these.
    pub last: Option<LastRoll>,
}

/// How a roll ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRoll {
    /// The version that was asked for.
    pub to: Version,
    /// Whether every worker runs it.
    pub outcome: RollOutcome,
    /// Why not, otherwise.
    pub reason: Option<String>,
    /// How long it took, a roll back included.
    pub millis: u64,
    /// Connections that were closed with work on them, and workers that were killed while draining.
    pub cut: usize,
    /// The slots that got a worker of that version, in order.
    pub workers: Vec<Replaced>,
}

/// One slot of a roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The slot.
    pub worker: u32,
    /// From the start of the new worker to the end of the old one.
    pub millis: u64,
}

impl Progress {
    /// Nothing happened yet: all slots run, or will run, `version`.
    #[must_use]
    pub fn steady(version: Version) -> Self {
        Progress { phase: Phase::Steady, version, reason: None, finished: 0, last: None }
    }

    /// A roll to `version` begins.
    pub fn begin(&mut self, version: Version) {
        self.phase = Phase::Rolling;
        self.version = version;
    }

    /// The roll is abandoned for `reason`: back to `version`.
    pub fn abandon(&mut self, version: Version, reason: &str) {
        self.phase = Phase::RollingBack;
        self.version = version;
        self.reason = Some(reason.to_owned());
    }

    /// The roll to `to` has ended, and took this long; `workers` got the new version.
    pub fn finish(&mut self, to: Version, took: Duration, workers: Vec<Replaced>) {
        let millis = millis(took);
        let is_there = self.version == to;
        let outcome = if is_there { RollOutcome::RolledOut } else { RollOutcome::RolledBack };
        let reason = self.reason.take();
        self.phase = Phase::Steady;
        self.finished += 1;
        self.last = Some(LastRoll { to, outcome, reason, millis, cut: 0, workers });
    }

    /// What there is to report, where `self` follows on `before`.
    pub(super) fn event_since(&self, before: &Progress) -> Option<Event> {
        let version = self.version.to_string();
        match self.phase {
            _ if self.phase == before.phase => None,
            Phase::Rolling => {
                Some(Event::RollStarted { from: before.version.to_string(), to: version })
            }
            Phase::RollingBack => Some(Event::RollAbandoned {
                version: before.version.to_string(),
                reason: self.reason.clone().unwrap_or_default(),
            }),
            Phase::Steady => {
                let last = self.last.as_ref()?;
                let (outcome, millis) = (last.outcome, last.millis);
                Some(Event::RollFinished { version, outcome, millis })
            }
        }
    }
}
