//! What the exercise builds: what a deploy does next.

use std::{io, ops::RangeInclusive, path::PathBuf, time::Instant};

use serde::Serialize;
use supervisor::{Version, Worker};

use crate::{Answer, Config, DeployLog, Look, Recovered};

/// What a primary's deploys are made of.
pub struct Place {
    /// What the environment asks for.
    pub config: Config,
    /// Where each deploy and its end are written.
    pub log: DeployLog,
    /// What was in it.
    pub recovered: Recovered,
}

/// What an operator wants to deploy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its version.
    pub version: Version,
    /// The operator.
    pub by: String,
    /// The formats of the shared state that it can read.
    pub reads: RangeInclusive<u32>,
    /// The format in which it writes.
    pub writes: u32,
    /// The file that its workers are started from; without one it is the program that runs.
    pub program: Option<PathBuf>,
}

impl Release {
    /// The release that `version` is, if nothing else is known of it.
    #[must_use]
    pub fn plain(version: Version) -> Self {
        Release { version, by: "nobody".to_owned(), reads: 1..=1, writes: 1, program: None }
    }

    /// Whether it can run beside `running`: each must read what the other one writes.
    #[must_use]
    pub fn fits(&self, running: &Release) -> bool {
        self.reads.contains(&running.writes) && running.reads.contains(&self.writes)
    }
}

/// Why a deploy is refused.
#[derive(Debug)]
pub enum Refusal {
    /// Another deploy is under way: 409.
    UnderWay,
    /// A version as high as this one, or a higher one, was deployed before: 422.
    NotNewer,
    /// An extra: it can't run beside the version that runs: 422.
    Schema,
    /// The log can't be written: 503.
    Log(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Log(error)
    }
}

/// What the primary must bring about. It does what is missing, in an order that loses no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// What the slots 1 to `WORKERS` run. The primary rolls them there, one at a time.
    pub version: Version,
    /// The version that has workers of its own beside them; `None`: these drain.
    pub candidate: Option<Version>,
    /// How many percent of the requests the candidate answers. The primary first starts workers enough,
    /// and waits until they are ready; then it tells every stable worker.
    pub share: u32,
}

/// What of the goal is so by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Every stable worker has acknowledged `share`.
    pub share: bool,
    /// `candidate` is `None`, and the last of its workers is gone.
    pub alone: bool,
    /// Each of the slots 1 to `WORKERS` has one worker, ready and of `version`.
    pub rolled: bool,
}

/// Where a deploy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The candidate's first workers start, or the first share isn't acknowledged yet.
    Starting,
    /// The candidate answers its share, and is judged.
    Canary,
    /// The last step has ended well, and is kept until this moment (an extra).
    Keeping(Instant),
    /// The slots 1 to `WORKERS` get the candidate's version.
    Promoting,
    /// The candidate is on its way out.
    RollingBack,
}

impl Phase {
    /// As `GET /deploy` names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Phase::Starting => "starting",
            Phase::Canary => "canary",
            Phase::Keeping(_) => "keeping",
            Phase::Promoting => "promoting",
            Phase::RollingBack => "rolling-back",
        }
    }
}

/// How much the answers of a step speak against the candidate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    /// The answers of both versions.
    pub answers: u32,
    /// Those of the candidate.
    pub by_candidate: u32,
    /// The candidate's bad ones.
    pub errors: u32,
    /// The score itself.
    pub value: f64,
}

/// What was seen in one step.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What its answers came to.
    pub score: Score,
    /// The look that has begun.
    pub look: Look,
    /// Slow looks, one after the other.
    pub slow_looks: u32,
}

/// A deploy under way.
#[derive(Clone, Debug)]
pub struct Deploy {
    /// Its number, from 1.
    pub number: u64,
    /// What is deployed.
    pub release: Release,
    /// Where it is.
    pub phase: Phase,
    /// The place of its step in `Config::steps`, from 0.
    pub step: usize,
    /// The candidate's share in this step, in percent.
    pub share: u32,
    /// What was seen in this step.
    pub seen: Seen,
    /// Why it is on its way back.
    pub reason: Option<String>,
}

impl Deploy {
    /// A deploy that begins, with this share.
    #[must_use]
    pub fn new(number: u64, release: Release, share: u32) -> Self {
        let (phase, seen) = (Phase::Starting, Seen::default());
        Deploy { number, release, phase, step: 0, share, seen, reason: None }
    }
}

/// What `GET /deploy` says, but for the share.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    phase: &'static str,
    version: Version,
    candidate: Option<Version>,
    answers: u32,
    errors: u32,
    score: f64,
    pub(crate) deploy: u64,
    reason: Option<String>,
}

impl Status {
    /// `stable` runs, and `current` is the deploy under way. The last one had the number `deploys`, and was sent
    /// back for this `reason`.
    #[must_use]
    pub fn new(
        stable: Version,
        current: Option<&Deploy>,
        deploys: u64,
        reason: Option<&String>,
    ) -> Self {
        let Score { by_candidate, errors, value, .. } =
            current.map(|deploy| deploy.seen.score).unwrap_or_default();
        let reason = current.map_or(reason, |deploy| deploy.reason.as_ref());
        Status {
            phase: current.map_or("steady", |deploy| deploy.phase.name()),
            version: stable,
            candidate: current.map(|deploy| deploy.release.version),
            answers: by_candidate,
            errors,
            score: value,
            deploy: deploys,
            reason: reason.cloned(),
        }
    }
}

/// The deploys of a primary. Nothing here may wait: the primary calls one function after the other, and looks
/// at `goal` after each.
pub trait Deploys: 'static {
    /// What the primary must bring about.
    fn goal(&self) -> Goal;

    /// What operators are told.
    fn status(&self) -> Status;

    /// An operator wants to deploy `release`. Returns the number of the deploy.
    ///
    /// # Errors
    /// When it is refused.
    fn deploy(&mut self, release: Release) -> Result<u64, Refusal>;

    /// A request got this answer, under the share that is the goal now.
    fn look(&mut self, answer: &Answer);

    /// `reached` is so by now.
    fn go_on(&mut self, reached: Reached, now: Instant);

    /// The worker is dead; this is what it was before.
    fn lost(&mut self, worker: &Worker);

    /// An extra: an operator takes the deploy back. Returns `false` if there is nothing to take back.
    fn back(&mut self) -> bool {
        false
    }

    /// When time alone makes a difference to `go_on`.
    fn deadline(&self) -> Option<Instant>;
}
