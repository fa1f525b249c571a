//! Exercise 7: a canary with a verdict (75 to 95 minutes).
//!
//! An operator deploys a new version, the candidate. It gets a small share of the requests, then a larger one.
//! If it is worse than the version that runs, the primary sends it back by itself; otherwise every worker runs
//! it in the end.
//!
//! The numbered functions are yours; you may add to the rest. What you may call is in `zero_downtime_deploy`.
//! None of your functions waits, starts a worker or sends a message. The primary calls one after the other,
//! reads `goal` after each, and brings that about.
//!
//! ```text
//! read     guide 08-zero-downtime-deploys             cargo xtask guide 8
//! look up  crates/07-zero-downtime-deploy/src/lib.rs  cargo doc --no-deps -p zero-downtime-deploy --open
//! check    all promises, easiest first                cargo xtask check exercise-7
//! stuck    a nudge, then more                         cargo xtask hint exercise-7
//! ```

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use zero_downtime_deploy::{
    Answer, Config, Deploy, DeployLog, Deploys, Did, Goal, Phase, Place, Reached, Refusal, Release,
    Score, Seen, Split, State, Status, Version, Worker, fnv1a,
};

fn main() -> ExitCode {
    zero_downtime_deploy::run(choose, Canary::new)
}

/// The deploys of this primary.
struct Canary {
    config: Config,
    log: DeployLog,
    /// The release that every slot runs if nothing is deployed.
    stable: Release,
    /// The highest version that was ever deployed, good or bad.
    latest: Version,
    /// The number of the last deploy.
    deploys: u64,
    /// The deploy under way.
    current: Option<Deploy>,
    /// What the primary must bring about.
    goal: Goal,
    /// Why the last deploy was sent back.
    reason: Option<String>,
}

/// Function 1. Does the candidate answer this request? `client` is the client's name for itself; without one
/// the request is the `nth` of its kind in this worker since the share changed, counted from 1.
///
/// 1. Without a name count: no random numbers. Of the first n requests floor(n x share / 100) are the
///    candidate's, so the `nth` is if that number is larger for n than for n - 1: promise 2 ("the share
///    that was asked").
/// 2. With a name take `fnv1a` of the text `DEPLOY/CLIENT`, such as `3/anna`. Modulo 10,000 it must be less
///    than 100 x share. Every worker finds the same, and a client that is in stays in when the share grows:
///    promise 3 ("keeps its version").
fn choose(split: &Split, client: Option<&str>, nth: u64) -> bool {
    let share = u64::from(split.share);
    let candidates = |requests: u64| requests * share / 100;
    match client {
        Some(client) => fnv1a(&format!("{}/{client}", split.deploy)) % 10_000 < 100 * share,
        None => candidates(nth) > candidates(nth - 1),
    }
}

/// Function 2. The score of a step after one more `answer`.
///
/// 1. Count it in `answers`, in `by_candidate` if the candidate gave it, and in `errors` if it is bad
///    and the candidate gave it.
/// 2. A good answer leaves `value` as it is.
/// 3. Let p be the candidate's share of the answers so far, this one included. Each bad answer of either
///    version takes ln(1 + p x (worse - 1)) away: promise 7 ("a fault of both").
/// 4. A bad answer of the candidate adds ln(worse) as well: promise 5 ("10 % errors").
fn score_after(mut score: Score, answer: &Answer, worse: f64) -> Score {
    score.answers += 1;
    score.by_candidate += u32::from(answer.by_candidate);
    if answer.is_bad {
        let p = f64::from(score.by_candidate) / f64::from(score.answers);
        score.value -= (1.0 + p * (worse - 1.0)).ln();
    }
    if answer.is_bad && answer.by_candidate {
        score.errors += 1;
        score.value += worse.ln();
    }
    score
}

/// Function 3. Is the candidate slow in a look?
///
/// 1. It is if its median is more than `slower_by` above the stable version's: promise 6 ("A slow version").
/// 2. A bad answer counts as slower than each good one, or fast errors would look fast: promise 6 ("fails
///    fast").
/// 3. Without an answer of the stable version there is nothing to compare: it isn't slow.
///
/// The median of n times is the one with n / 2 others before it, once they are sorted.
fn is_slow<'a>(
    candidate: impl IntoIterator<Item = &'a Answer>,
    stable: impl IntoIterator<Item = &'a Answer>,
    slower_by: Duration,
) -> bool {
    match (median(candidate), median(stable)) {
        (Some(candidate), Some(stable)) => candidate > stable.saturating_add(slower_by),
        (None, _) | (_, None) => false,
    }
}

fn median<'a>(answers: impl IntoIterator<Item = &'a Answer>) -> Option<Duration> {
    let time = |answer: &Answer| if answer.is_bad { Duration::MAX } else { answer.took };
    let mut times: Vec<Duration> = answers.into_iter().map(time).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

impl Canary {
    fn new(Place { config, log, recovered }: Place) -> Self {
        let version = recovered.stable;
        Canary {
            config,
            log,
            stable: Release::plain(version),
            latest: recovered.latest,
            deploys: recovered.deploys,
            current: None,
            goal: Goal { version, candidate: None, share: 0 },
            reason: None,
        }
    }

    /// The step has ended well. The next one begins with nothing seen; after the last one the candidate is
    /// kept for `config.keep`, and then promoted.
    fn forward(&mut self) {
        let Some(deploy) = &mut self.current else { return };
        self.log.note(Did::Step, deploy);
        match self.config.steps.get(deploy.step + 1) {
            Some(share) => {
                (deploy.step, deploy.share) = (deploy.step + 1, *share);
                deploy.seen = Seen::default();
                self.goal.share = *share;
            }
            None => deploy.phase = Phase::Keeping(Instant::now() + self.config.keep),
        }
    }

    /// The deploy is over.
    fn end(&mut self, did: Did) {
        let Some(deploy) = self.current.take() else { return };
        self.log.note(did, &deploy);
        self.reason = deploy.reason;
        if did == Did::Promoted {
            self.stable = deploy.release;
        }
    }

    /// Function 7. The candidate is bad, for this `reason`.
    ///
    /// 1. Without a deploy, or if it is on its way back already, do nothing.
    /// 2. From now on its phase is `RollingBack`, and its `reason` is set.
    /// 3. The goal is a share of 0, and the stable version in every slot: promise 5 ("answers nothing
    ///    afterwards"). Leave `goal.candidate` as it is: its workers have requests, and more may be on their
    ///    way: promise 12 ("No request is lost").
    fn send_back(&mut self, reason: &str) {
        let Some(deploy) = &mut self.current else { return };
        if deploy.phase == Phase::RollingBack {
            return;
        }
        deploy.phase = Phase::RollingBack;
        deploy.reason = Some(reason.to_owned());
        self.goal.share = 0;
        self.goal.version = self.stable.version;
    }
}

impl Deploys for Canary {
    fn goal(&self) -> Goal {
        self.goal
    }

    fn status(&self) -> Status {
        let (stable, reason) = (self.stable.version, self.reason.as_ref());
        Status::new(stable, self.current.as_ref(), self.deploys, reason)
    }

    /// Function 4. An operator wants to deploy `release`. Returns the number of the deploy.
    ///
    /// 1. If a deploy is under way, return `Refusal::UnderWay`: promise 10 ("A second deploy").
    /// 2. If its version isn't higher than `latest`, return `Refusal::NotNewer`, so that a version that was
    ///    sent back never comes again: promise 10 ("A second deploy").
    /// 3. An extra, promise 15 ("can't read"): if it doesn't fit `stable`, return `Refusal::Schema`.
    /// 4. Make a `Deploy` with the next number and the share of the first step. Write `Did::Accepted` to the
    ///    log before anything begins; `?` returns the refusal if that fails: promise 11 ("The log").
    /// 5. Only then it begins: count it in `deploys`, and keep it in `latest` and `current`. The goal has its
    ///    version as the candidate, and its share: promise 2 ("beside the old").
    fn deploy(&mut self, release: Release) -> Result<u64, Refusal> {
        if self.current.is_some() {
            return Err(Refusal::UnderWay);
        }
        if release.version <= self.latest {
            return Err(Refusal::NotNewer);
        }
        if !release.fits(&self.stable) {
            return Err(Refusal::Schema);
        }
        let share = self.config.steps[0];
        let deploy = Deploy::new(self.deploys + 1, release, share);
        self.log.write(Did::Accepted, &deploy)?;
        self.deploys = deploy.number;
        self.latest = deploy.release.version;
        self.goal = Goal { candidate: Some(self.latest), share, ..self.goal };
        self.current = Some(deploy);
        Ok(self.deploys)
    }

    /// Function 5. A request got this `answer`, under the share that is the goal now.
    ///
    /// 1. Without a deploy, or if its phase is neither `Starting` nor `Canary`, do nothing.
    /// 2. Give it to `seen.look` by `add`. If that returns `false`, it counts as nothing: promise 8 ("Too
    ///    little").
    /// 3. `seen.score` becomes `score_after` this answer, with `config.worse`.
    /// 4. If the look `is_full` (`config.look_answers`), a new look begins. If the old one `is_slow`, it is one
    ///    more of `seen.slow_looks`, otherwise these begin again at 0: promise 6 ("A slow version").
    /// 5. If the score is ln(`config.doubt`) or higher, `send_back`: promise 5 ("10 % errors").
    /// 6. Otherwise, if there were `config.slow_looks` slow looks in a row, `send_back`: promise 6 ("A slow
    ///    version").
    /// 7. Otherwise, if the candidate has given `config.step_answers` answers, go `forward`: promise 4 ("all
    ///    steps").
    fn look(&mut self, answer: &Answer) {
        let Some(deploy) = &mut self.current else { return };
        let is_judged = matches!(deploy.phase, Phase::Starting | Phase::Canary);
        if !is_judged || !deploy.seen.look.add(answer) {
            return;
        }
        let seen = &mut deploy.seen;
        seen.score = score_after(seen.score, answer, self.config.worse);
        if seen.look.is_full(self.config.look_answers) {
            let look = std::mem::take(&mut seen.look);
            let is_slow = is_slow(&look.candidate, &look.stable, self.config.slower_by);
            seen.slow_looks = if is_slow { seen.slow_looks + 1 } else { 0 };
        }
        if seen.score.value >= self.config.doubt.ln() {
            self.send_back("it has more errors than the version beside it");
        } else if seen.slow_looks >= self.config.slow_looks {
            self.send_back("it is slower than the version beside it");
        } else if seen.score.by_candidate >= self.config.step_answers {
            self.forward();
        }
    }

    /// Function 6. Something has changed: `reached` says what of the goal is so. Change one thing, and return; the
    /// primary calls again.
    ///
    /// 1. `Starting`: once the share is known to every stable worker, the phase is `Canary`.
    /// 2. `Canary`: nothing. Only answers end a step: promise 8 ("Too little").
    /// 3. `Keeping(until)`: from that moment on, the phase is `Promoting`, and the goal has the candidate's
    ///    version in every slot: promise 4 ("to all workers").
    /// 4. `Promoting`: once every slot is `rolled`, withdraw the candidate (below). When that is done,
    ///    `end` with `Did::Promoted`: promise 4 ("to all workers").
    /// 5. `RollingBack`: withdraw the candidate (below), while the slots go back. When that is done and every
    ///    slot is `rolled`, `end` with `Did::SentBack`.
    ///
    /// To withdraw the candidate takes three calls: promise 12 ("No request is lost"). Make the share 0; once
    /// that is known, make `goal.candidate` `None`; once the stable workers are `alone`, it is done.
    fn go_on(&mut self, reached: Reached, now: Instant) {
        let Some(deploy) = &mut self.current else { return };
        match deploy.phase {
            Phase::Starting if reached.share => deploy.phase = Phase::Canary,
            Phase::Keeping(until) if now >= until => {
                deploy.phase = Phase::Promoting;
                self.goal.version = deploy.release.version;
            }
            Phase::Promoting if reached.rolled => {
                if self.is_taken_away(reached) {
                    self.end(Did::Promoted);
                }
            }
            Phase::RollingBack => {
                if self.is_taken_away(reached) && reached.rolled {
                    self.end(Did::SentBack);
                }
            }
            Phase::Starting | Phase::Canary | Phase::Keeping(_) | Phase::Promoting => {}
        }
    }

    /// Function 8. The worker is dead; this is what it was before.
    ///
    /// 1. If its version isn't that of the deploy under way, do nothing. The primary starts another one:
    ///    promise 9 ("a crash of the old").
    /// 2. If it was `State::Draining { .. }`, it was told to go: do nothing.
    /// 3. Otherwise it crashed, or was killed because it was not ready in time: `send_back`, at once:
    ///    promise 9 ("is a verdict").
    fn lost(&mut self, worker: &Worker) {
        let Some(deploy) = &self.current else { return };
        let was_told_to_go = matches!(worker.state, State::Draining { .. });
        if worker.version == deploy.release.version && !was_told_to_go {
            self.send_back("one of its workers died");
        }
    }

    // An extra, promise 13 ("POST /back"): write `back`, which is described in `Deploys`.
    fn back(&mut self) -> bool {
        self.send_back("an operator took it back");
        self.current.is_some()
    }

    fn deadline(&self) -> Option<Instant> {
        match self.current.as_ref()?.phase {
            Phase::Keeping(until) => Some(until),
            Phase::Starting | Phase::Canary | Phase::Promoting | Phase::RollingBack => None,
        }
    }
}

impl Canary {
    fn is_taken_away(&mut self, reached: Reached) -> bool {
        if self.goal.share > 0 {
            self.goal.share = 0;
        } else if reached.share {
            self.goal.candidate = None;
        }
        reached.alone
    }
}
