//! What is reported of a roll: as events while it goes on, and to whoever asks at `GET /roll`.

use std::time::{Duration, Instant};

use events::{Event, RollOutcome, emit};

use crate::{
    fleet::Fleet,
    given::{LastRoll, Progress, Replaced, Version},
    plan::Goal,
    rollout::Action,
};

/// The course of the current roll, and the end of the last one.
#[derive(Debug)]
pub struct Logbook {
    progress: Progress,
    roll: Option<Roll>,
}

#[derive(Debug)]
struct Roll {
    began: Instant,
    to: Version,
    reason: Option<String>,
    replaced: Vec<Replaced>,
}

impl Logbook {
    /// Every slot runs `version`, and nothing happened yet.
    #[must_use]
    pub fn new(version: Version) -> Self {
        Logbook { progress: Progress::steady(version), roll: None }
    }

    /// What `GET /roll` shall say.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Something became of a roll.
    pub fn record(&mut self, action: Action, now: Instant) {
        match action {
            Action::Begin { from, to } => {
                emit(&Event::RollStarted { from: from.to_string(), to: to.to_string() });
                self.progress.begin(to);
                let replaced = Vec::new();
                self.roll = Some(Roll { began: now, to, reason: None, replaced });
            }
            Action::Abandon { back_to, reason } => {
                if let Some(roll) = &mut self.roll {
                    let (version, reason) = (roll.to.to_string(), reason.to_owned());
                    roll.reason = Some(reason.clone());
                    emit(&Event::RollAbandoned { version, reason });
                }
                self.progress.abandon(back_to);
            }
            Action::Finish { outcome, .. } => self.finish(outcome, now),
        }
    }

    fn finish(&mut self, outcome: RollOutcome, now: Instant) {
        let Some(roll) = self.roll.take() else { return };
        let millis = millis(now - roll.began);
        let version = self.progress.version.to_string();
        emit(&Event::RollFinished { version, outcome, millis });
        let (to, reason, workers) = (roll.to, roll.reason, roll.replaced);
        self.progress.finish(LastRoll { to, outcome, reason, millis, workers });
    }

    /// Notes each slot that has its new worker, and nobody else any more.
    pub fn note_replaced(&mut self, fleet: &Fleet, goal: Goal, now: Instant) {
        let Some(roll) = self.roll.as_mut().filter(|roll| roll.to == goal.version) else { return };
        for slot in 1..=goal.slots {
            let mut there = fleet.in_slot(slot);
            let (Some(worker), None) = (there.next(), there.next()) else { continue };
            let is_noted = roll.replaced.iter().any(|replaced| replaced.worker == slot);
            if is_noted || worker.version != roll.to || !worker.state.is_ready() {
                continue;
            }
            let (pid, version) = (worker.pid, worker.version.to_string());
            let millis = millis(now - worker.born);
            emit(&Event::WorkerReplaced { worker: slot, pid, version, millis });
            roll.replaced.push(Replaced { worker: slot, millis });
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
