//! The split that the stable workers were told last, and the workers that have not acknowledged it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use events::{DeployEvent, Pid, emit};
use supervisor::{Worker, calls::Down};

use crate::{Goal, Split, talk::Workers};

/// What is told, and who knows it.
pub(crate) struct Telling {
    ack_timeout: Duration,
    /// The share that the goal has, and whose: each change is a step.
    wanted: (u64, u32),
    /// Of `wanted`.
    step: u64,
    told: Split,
    /// The number of the last news.
    news: u64,
    waiting: BTreeSet<Pid>,
    /// When those that wait have had long enough.
    until: Option<Instant>,
}

impl Telling {
    pub(crate) fn new(ack_timeout: Duration) -> Self {
        Telling {
            ack_timeout,
            wanted: (0, 0),
            step: 0,
            told: Split::default(),
            news: 0,
            waiting: BTreeSet::new(),
            until: None,
        }
    }

    /// The same for a program that goes on where another one has stopped: with these numbers.
    pub(crate) fn resumed(ack_timeout: Duration, news: u64, step: u64) -> Self {
        Telling { step, news, ..Telling::new(ack_timeout) }
    }

    /// The numbers of the last news and of the step.
    pub(crate) fn numbers(&self) -> (u64, u64) {
        (self.news, self.step)
    }

    /// The goal has this share now. From now on answers under the share before count no more.
    pub(crate) fn want(&mut self, deploy: u64, goal: Goal) {
        if self.wanted != (deploy, goal.share) {
            self.wanted = (deploy, goal.share);
            self.step += 1;
        }
    }

    /// Whether an answer of this step still counts.
    pub(crate) fn counts(&self, step: u64) -> bool {
        step == self.step
    }

    /// The share that every stable worker knows, if there is one.
    pub(crate) fn known_share(&self) -> Option<u32> {
        self.waiting.is_empty().then_some(self.told.share)
    }

    /// Whether every stable worker knows the share that is wanted.
    pub(crate) fn is_known(&self) -> bool {
        self.waiting.is_empty() && self.told.step == self.step
    }

    /// Tells `stable` the split that is wanted, with these workers of the candidate, unless it was told.
    pub(crate) fn tell(
        &mut self,
        workers: &Workers,
        stable: &[Worker],
        goal: Goal,
        candidates: Vec<Pid>,
    ) {
        let (deploy, share) = self.wanted;
        let (step, candidate) = (self.step, goal.candidate.filter(|_| share > 0));
        let split = Split { deploy, share, step, candidate, workers: candidates };
        if split == self.told {
            return;
        }
        self.told = split;
        self.news += 1;
        self.waiting = stable
            .iter()
            .map(|worker| worker.pid)
            .filter(|pid| workers.link(*pid).is_some())
            .collect();
        self.until = Some(Instant::now() + self.ack_timeout);
        for pid in &self.waiting {
            self.tell_one(workers, *pid);
        }
        self.look();
    }

    /// A stable worker that was just started must know what the others were told.
    pub(crate) fn tell_one(&self, workers: &Workers, pid: Pid) {
        let (id, news) = (self.news, self.told.clone());
        workers.tell_one(pid, Down::News { id, news });
    }

    /// The worker `pid` has acknowledged the news `id`.
    pub(crate) fn heard(&mut self, pid: Pid, id: u64) {
        if id == self.news {
            self.gone(pid);
        }
    }

    /// The worker `pid` is dead, or knows the split.
    pub(crate) fn gone(&mut self, pid: Pid) {
        if self.waiting.remove(&pid) {
            self.look();
        }
    }

    fn look(&mut self) {
        if self.waiting.is_empty() {
            self.until = None;
            let Split { deploy, share, .. } = self.told;
            emit(DeployEvent::ShareChanged { deploy, share });
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// The workers that have not acknowledged the split in time. They would go on with the one before.
    pub(crate) fn overdue(&mut self, now: Instant) -> Vec<Pid> {
        if self.until.take_if(|until| *until <= now).is_none() {
            return Vec::new();
        }
        self.waiting.iter().copied().collect()
    }
}
