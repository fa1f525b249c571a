//! The deploys of a primary: the course of the one under way, and the log.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use zero_downtime_deploy::{
    Answer, DeployLog, Deploys, Did, Goal, Place, Reached, Refusal, Release, State, Status,
    Version, Worker,
};

use crate::course::{Course, Input, Rules};

/// The deploys.
pub(crate) struct Canary {
    rules: Rules,
    log: DeployLog,
    /// What every slot runs if nothing is deployed.
    stable: Release,
    /// The highest version that was ever deployed, good or bad: a version that was sent back never comes again.
    latest: Version,
    /// The number of the last deploy.
    deploys: u64,
    current: Option<Course>,
    /// Why the last deploy was sent back.
    reason: Option<String>,
}

/// What the log does not say, for another program of this primary. Everything else is read from the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CanaryRecord {
    pub(crate) reads: (u32, u32),
    pub(crate) writes: u32,
    pub(crate) reason: Option<String>,
}

impl Canary {
    pub(crate) fn new(Place { config, log, recovered }: Place) -> Self {
        Canary {
            rules: Rules::of(&config),
            log,
            stable: Release::plain(recovered.stable),
            latest: recovered.latest,
            deploys: recovered.deploys,
            current: None,
            reason: None,
        }
    }

    /// The same after another program of this primary, which has left `record`.
    pub(crate) fn resumed(mut self, record: CanaryRecord) -> Self {
        self.stable.reads = record.reads.0..=record.reads.1;
        self.stable.writes = record.writes;
        Canary { reason: record.reason, ..self }
    }

    pub(crate) fn record(&self) -> CanaryRecord {
        let reads = (*self.stable.reads.start(), *self.stable.reads.end());
        CanaryRecord { reads, writes: self.stable.writes, reason: self.reason.clone() }
    }

    /// The version that every slot runs if nothing is deployed.
    pub(crate) fn stable(&self) -> Version {
        self.stable.version
    }

    /// Whether no deploy is under way.
    pub(crate) fn is_steady(&self) -> bool {
        self.current.is_none()
    }

    fn step(&mut self, input: &Input<'_>, now: Instant) {
        let Some(course) = &mut self.current else { return };
        let Some(did) = course.step(input, &self.rules) else { return };
        self.log.note(did, &course.deploy);
        match did {
            Did::Step => course.forward(&self.rules, now),
            Did::Promoted => {
                self.stable = course.deploy.release.clone();
                self.end();
            }
            Did::SentBack => self.end(),
            Did::Accepted | Did::Abandoned => {}
        }
    }

    fn end(&mut self) {
        self.reason = self.current.take().and_then(|course| course.deploy.reason);
    }
}

impl Deploys for Canary {
    fn goal(&self) -> Goal {
        let steady = Goal { version: self.stable.version, candidate: None, share: 0 };
        self.current.as_ref().map_or(steady, |course| course.goal)
    }

    fn status(&self) -> Status {
        let current = self.current.as_ref().map(|course| &course.deploy);
        Status::new(self.stable.version, current, self.deploys, self.reason.as_ref())
    }

    fn deploy(&mut self, release: Release) -> Result<u64, Refusal> {
        if self.current.is_some() {
            return Err(Refusal::UnderWay);
        }
        if release.version <= self.latest {
            return Err(Refusal::NotNewer);
        }
        // Both run side by side.
        if !release.fits(&self.stable) {
            return Err(Refusal::Schema);
        }
        let course = Course::new(self.deploys + 1, release, self.stable.version, &self.rules);
        // Before anything begins: what the log does not know never happened.
        self.log.write(Did::Accepted, &course.deploy)?;
        self.deploys += 1;
        self.latest = course.deploy.release.version;
        self.current = Some(course);
        Ok(self.deploys)
    }

    fn look(&mut self, answer: &Answer) {
        self.step(&Input::Answer(answer), Instant::now());
    }

    fn go_on(&mut self, reached: Reached, now: Instant) {
        self.step(&Input::Reached(reached, now), now);
    }

    fn lost(&mut self, worker: &Worker) {
        let version = self.current.as_ref().map(|course| course.deploy.release.version);
        let was_told_to_go = matches!(worker.state, State::Draining { .. });
        // A death of the stable version is replaced by the stable version, and no verdict.
        if version == Some(worker.version) && !was_told_to_go {
            self.step(&Input::Died, Instant::now());
        }
    }

    fn back(&mut self) -> bool {
        self.step(&Input::TakenBack, Instant::now());
        self.current.is_some()
    }

    fn deadline(&self) -> Option<Instant> {
        self.current.as_ref().and_then(Course::deadline)
    }
}
