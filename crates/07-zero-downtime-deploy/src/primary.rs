//! The primary: it brings about what the exercise decides, and says what is so by now.

mod answers;
mod handover;
mod shutdown;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode, time::Instant};

use events::{Pid, Slot};
use supervisor::{
    Intents, RestartHistory, State, Version, Worker, at,
    calls::{Down, Up},
};

pub use self::handover::PrimaryRecord;
use crate::{
    Config, Deploys, Goal, Reached,
    admin::{Admin, Question},
    roll::{Move, is_rolled, next_move},
    talk::{Notice, Order, Workers},
    telling::Telling,
};

/// How often in one turn of the loop a goal may change. One that changes without end is the exercise's
/// mistake, and must not take the loop away from the signals.
const CHANGES: usize = 8;

/// A primary, but for its workers.
pub struct Primary<D> {
    config: Config,
    deploys: D,
    admin: Admin,
    history: RestartHistory,
    telling: Telling,
    /// Workers that were killed because their drain took too long, and what they were before.
    overdue_drains: BTreeMap<Pid, State>,
    /// Operators that wait until no client gets the candidate's version any more.
    taking_back: Vec<Question>,
    /// The files of versions that have one.
    programs: BTreeMap<Version, PathBuf>,
    /// Whether this primary is being replaced.
    holds_deploys: bool,
}

impl<D: Deploys> Primary<D> {
    /// A primary without workers yet.
    #[must_use]
    pub fn new(config: Config, deploys: D, admin: Admin) -> Self {
        let history = RestartHistory::with_settings(&config.shared);
        let telling = Telling::new(config.ack_timeout);
        Primary {
            config,
            deploys,
            admin,
            history,
            telling,
            overdue_drains: BTreeMap::new(),
            taking_back: Vec::new(),
            programs: BTreeMap::new(),
            holds_deploys: false,
        }
    }

    /// Keeps the right workers in all slots until a signal asks for the end.
    pub(crate) async fn run(mut self, mut workers: Workers, mut intents: Intents) -> ExitCode {
        self.go_on(&mut workers, Instant::now());
        workers.announce();
        loop {
            // One look at the clock: what go_on found too early must be waited for.
            let now = Instant::now();
            self.go_on(&mut workers, now);
            let deadline = self.deadline(&workers, now);
            tokio::select! {
                notice = workers.next() => {
                    if let Some((pid, order)) = self.hear(notice) {
                        workers.tell_one(pid, order);
                    }
                }
                question = self.admin.next() => self.answer(question),
                () = at(deadline) => self.tick(&mut workers),
                _ = intents.next() => break,
            }
        }
        self.shut_down(workers, intents).await
    }

    /// Brings about what the deploys want now.
    pub fn go_on(&mut self, workers: &mut Workers, now: Instant) {
        for _ in 0..CHANGES {
            let goal = self.deploys.goal();
            self.bring_about(workers, goal, now);
            let reached = self.reached(workers, goal, now);
            self.deploys.go_on(reached, now);
            if self.deploys.goal() == goal {
                break;
            }
        }
        self.want();
        self.answer_who_waits(workers);
    }

    /// The share of the goal may have changed.
    fn want(&mut self) {
        self.telling.want(self.deploys.status().deploy, self.deploys.goal());
    }

    fn bring_about(&mut self, workers: &mut Workers, goal: Goal, now: Instant) {
        self.want();
        self.fill(workers, goal, now);
        self.start_candidates(workers, goal, now);
        let candidates = ready_candidates(workers, self.slots(), goal);
        if goal.share == 0 || candidates.len() >= self.needed(goal.share) {
            let all = if goal.share == 0 { Vec::new() } else { candidates };
            self.telling.tell(workers, &stable(workers, self.slots()), goal, all);
        }
        if goal.candidate.is_none() {
            for worker in candidates_of(workers, self.slots()) {
                workers.drain(worker.pid);
            }
        }
    }

    /// Makes each move that is allowed in the slots 1 to `WORKERS`.
    fn fill(&mut self, workers: &mut Workers, goal: Goal, now: Instant) {
        loop {
            let next = next_move(
                &stable(workers, self.slots()),
                self.slots(),
                goal.version,
                |worker| workers.is_available(worker, now),
                |slot| self.history.may_start_version(slot, goal.version, now),
            );
            match next {
                Some(Move::Start(slot)) => {
                    self.start(workers, slot, goal.version);
                    if let Some(new) = workers.all().last() {
                        self.telling.tell_one(workers, new.pid);
                    }
                }
                Some(Move::Drain(pid)) => workers.drain(pid),
                None => return,
            }
        }
    }

    /// Starts the workers that the candidate lacks for its share.
    fn start_candidates(&mut self, workers: &mut Workers, goal: Goal, now: Instant) {
        let Some(version) = goal.candidate else { return };
        let first = self.slots() + 1;
        let needed = u32::try_from(self.needed(goal.share)).unwrap_or_default();
        for slot in (first..first + needed).map(Slot) {
            let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
            if is_empty && self.history.may_start_version(slot, version, now) {
                self.start(workers, slot, version);
            }
        }
    }

    fn start(&self, workers: &mut Workers, slot: Slot, version: Version) {
        match self.programs.get(&version) {
            Some(program) => workers.start_release(slot, version, program),
            None => workers.start_version(slot, version),
        }
    }

    /// The workers of `version` are started from this file.
    pub fn knows(&mut self, version: Version, program: Option<PathBuf>) {
        if let Some(program) = program {
            self.programs.insert(version, program);
        }
    }

    /// How many workers the candidate needs for this share.
    fn needed(&self, share: u32) -> usize {
        (share * self.slots()).div_ceil(100) as usize
    }

    fn slots(&self) -> u32 {
        self.config.shared.workers
    }

    fn reached(&self, workers: &Workers, goal: Goal, now: Instant) -> Reached {
        let is_available = |worker: &Worker| workers.is_available(worker, now);
        let stable = stable(workers, self.slots());
        Reached {
            share: self.telling.is_known(),
            alone: goal.candidate.is_none() && candidates_of(workers, self.slots()).is_empty(),
            rolled: is_rolled(&stable, self.slots(), goal.version, is_available),
        }
    }

    /// Something has become of a worker. What is returned must be told the worker with that pid.
    pub fn hear(&mut self, notice: Notice) -> Option<(Pid, Order)> {
        match notice {
            Notice::Report(worker, Up::Ask { id, question }) => {
                for answer in question {
                    // The verdict may fall in the middle of a batch.
                    if self.telling.counts(answer.step) {
                        self.deploys.look(&answer);
                        self.want();
                    }
                }
                return Some((worker.pid, Down::Answer { id, answer: () }));
            }
            Notice::Report(worker, Up::Heard { id }) => self.telling.heard(worker.pid, id),
            Notice::Exited(mut worker, _) => {
                self.telling.gone(worker.pid);
                // A worker that was told to drain has not crashed, however it ends.
                if let Some(draining) = self.overdue_drains.remove(&worker.pid) {
                    worker.state = draining;
                }
                if !matches!(worker.state, State::Draining { .. }) {
                    self.history.count(&worker);
                }
                self.deploys.lost(&worker);
            }
            Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
        }
        None
    }

    /// When [`Self::tick`] makes a difference.
    #[must_use]
    pub fn deadline(&self, workers: &Workers, now: Instant) -> Option<Instant> {
        let all = [
            workers.deadline(now),
            self.history.deadline(now),
            self.telling.deadline(),
            self.deploys.deadline().filter(|at| *at > now),
        ];
        all.into_iter().flatten().min()
    }

    /// Time has passed.
    pub fn tick(&mut self, workers: &mut Workers) {
        let now = Instant::now();
        let is_draining = |worker: &Worker| matches!(worker.state, State::Draining { .. });
        let overdue = workers.overdue(now).into_iter().filter(is_draining);
        self.overdue_drains.extend(overdue.map(|worker| (worker.pid, worker.state)));
        workers.kill_overdue(now);
        for pid in self.telling.overdue(now) {
            workers.kill(pid, "it has not acknowledged the split");
        }
    }
}

/// The workers in the slots 1 to `slots`.
fn stable(workers: &Workers, slots: u32) -> Vec<Worker> {
    workers.all().iter().filter(|worker| worker.slot <= Slot(slots)).copied().collect()
}

/// The workers in the slots after them.
fn candidates_of(workers: &Workers, slots: u32) -> Vec<Worker> {
    workers.all().iter().filter(|worker| worker.slot > Slot(slots)).copied().collect()
}

/// Those that can answer, in the order of their slots.
fn ready_candidates(workers: &Workers, slots: u32, goal: Goal) -> Vec<Pid> {
    let mut ready = candidates_of(workers, slots);
    ready.retain(|worker| worker.state.is_ready() && Some(worker.version) == goal.candidate);
    ready.sort_by_key(|worker| worker.slot);
    ready.into_iter().map(|worker| worker.pid).collect()
}
