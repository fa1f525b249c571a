//! How far a roll is, and how the last one ended: what `GET /roll` answers.
//!
//! A signal carries no answer. The operator sends SIGUSR2, asks here, and learns how the roll went.

use std::time::Duration;

use events::{RollEvent, RollOutcome, Slot, emit, millis};
use serde::{Deserialize, Serialize};
use supervisor::Version;

use crate::Workers;

/// What the cluster is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RollPhase {
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
    pub phase: RollPhase,
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
    /// Connections that were closed with a request that was begun and not answered, and workers that
    /// were killed while draining.
    pub cut: usize,
    /// The slots that got a worker of that version, in order.
    pub workers: Vec<Replaced>,
}

/// One slot of a roll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Which slot.
    #[serde(rename = "worker")]
    pub slot: Slot,
    /// From the start of the new worker to the end of the old one.
    pub millis: u64,
}

impl Progress {
    /// Nothing happened yet: all slots run, or will run, `version`.
    #[must_use]
    pub fn steady(version: Version) -> Self {
        Progress { phase: RollPhase::Steady, version, reason: None, finished: 0, last: None }
    }

    /// A roll to `version` begins.
    pub fn begin(&mut self, version: Version) {
        self.phase = RollPhase::Rolling;
        self.version = version;
    }

    /// The roll is abandoned for `reason`: back to `version`.
    pub fn abandon(&mut self, version: Version, reason: &str) {
        self.phase = RollPhase::RollingBack;
        self.version = version;
        self.reason = Some(reason.to_owned());
    }

    /// The roll to `to` has ended, and took this long. Some of the `workers` run that version, or all.
    pub fn finish(&mut self, to: Version, took: Duration, workers: &Workers) {
        let (millis, workers) = (millis(took), replaced(workers, to));
        let is_there = self.version == to;
        let outcome = if is_there { RollOutcome::RolledOut } else { RollOutcome::RolledBack };
        let reason = self.reason.take();
        self.phase = RollPhase::Steady;
        self.finished += 1;
        self.last = Some(LastRoll { to, outcome, reason, millis, cut: 0, workers });
    }

    /// From now on `GET /roll` answers this, in every worker. Reports a change as an event, too.
    pub fn publish(&self, workers: &mut Workers) {
        let before = workers.standing_order().cloned();
        let before = before.unwrap_or_else(|| Progress::steady(Version::FIRST));
        if let Some(event) = self.event_since(&before) {
            emit(event);
        }
        let mut progress = self.clone();
        if let Some(last) = &mut progress.last {
            // What is cut between two rolls belongs to no roll, and is told with the next one.
            let is_over = self.finished > before.finished;
            let told = before.last.map_or(0, |last| last.cut);
            last.cut = if is_over { workers.take_cut() } else { told };
        }
        workers.tell_all(progress);
    }

    /// What there is to report, where `self` follows on `before`.
    fn event_since(&self, before: &Progress) -> Option<RollEvent> {
        let version = self.version.to_string();
        match self.phase {
            _ if self.phase == before.phase => None,
            RollPhase::Rolling => {
                Some(RollEvent::Started { from: before.version.to_string(), to: version })
            }
            RollPhase::RollingBack => Some(RollEvent::Abandoned {
                version: before.version.to_string(),
                reason: self.reason.clone().unwrap_or_default(),
            }),
            RollPhase::Steady => {
                let last = self.last.as_ref()?;
                let (outcome, millis) = (last.outcome, last.millis);
                Some(RollEvent::Finished { version, outcome, millis })
            }
        }
    }
}

/// The slots whose worker with `version` took over from another, in order, and how long that took.
fn replaced(workers: &Workers, version: Version) -> Vec<Replaced> {
    let of_version = workers.all().iter().filter(|worker| worker.version == version);
    let took = of_version.filter_map(|worker| Some((worker.slot, worker.replaced_in?)));
    let mut replaced: Vec<Replaced> =
        took.map(|(slot, took)| Replaced { slot, millis: millis(took) }).collect();
    replaced.sort_by_key(|replaced| replaced.slot);
    replaced
}
