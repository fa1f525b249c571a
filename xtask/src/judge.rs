//! Checking the promises: side by side, but decided in order.
//!
//! Eight at a time, because most of a check is waiting. What is shown depends only on the order of
//! the promises: the first broken one ends the check, and the later ones are called off.

mod cancel;
mod promise;

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use events::contract::{Promise, Report, Status};

use self::cancel::Cancellation;
use crate::{contract::Contract, exit::Failure, interrupt};

const SIDE_BY_SIDE: usize = 8;

/// What is to be judged, and how thoroughly.
pub(crate) struct Plan<'a> {
    pub(crate) contract: &'a Contract,
    pub(crate) promises: &'a [Promise],
    /// The command line that starts the program under test.
    pub(crate) subject: &'a str,
    /// Judge only this one.
    pub(crate) only: Option<usize>,
    /// Judge the later promises although an earlier one broke.
    pub(crate) keep_going: bool,
}

type Judged = (usize, anyhow::Result<Report>);

impl Plan<'_> {
    /// Judges, and calls `decided` for each promise in order, as soon as everything before it is
    /// decided. Whatever the program under test does, nothing of it is left afterwards.
    pub(crate) fn judge(
        &self,
        mut decided: impl FnMut(usize, &Report),
    ) -> Result<Vec<Report>, Failure> {
        let cancellation = Cancellation::default();
        let next = AtomicUsize::new(0);
        let (sender, judged) = channel();
        let outcome = thread::scope(|scope| {
            for _ in 0..SIDE_BY_SIDE {
                let sender = sender.clone();
                let (next, cancellation) = (&next, &cancellation);
                scope.spawn(move || self.work(next, cancellation, &sender));
            }
            drop(sender);
            let outcome = self.decide(&judged, &mut decided);
            cancellation.cancel();
            outcome
        });
        interrupt::end_everything();
        Ok(outcome?)
    }

    /// Judges one promise after the other, with nothing beside them.
    pub(crate) fn judge_alone(&self) -> Result<Vec<Report>, Failure> {
        let outcome = self.judge_beside_others();
        interrupt::end_everything();
        Ok(outcome?)
    }

    /// Judges one promise after the other, beside judgements of other programs. So it can't end what
    /// a contract's process left behind when it died: the caller does once all have ended.
    pub(crate) fn judge_beside_others(&self) -> anyhow::Result<Vec<Report>> {
        let cancellation = Cancellation::default();
        let mut reports = Vec::with_capacity(self.promises.len());
        for index in 0..self.promises.len() {
            let report = self.report(index, &cancellation)?;
            let is_over = self.ends_at(index, &report);
            reports.push(report);
            if is_over {
                break;
            }
        }
        reports.resize(self.promises.len(), undecided(Status::NotReached));
        Ok(reports)
    }

    /// Takes promise after promise until there are no more.
    fn work(&self, next: &AtomicUsize, cancellation: &Cancellation, sender: &Sender<Judged>) {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.promises.len() {
                return;
            }
            let report = self.report(index, cancellation);
            if sender.send((index, report)).is_err() {
                return;
            }
        }
    }

    fn report(&self, index: usize, cancellation: &Cancellation) -> anyhow::Result<Report> {
        if self.only.is_some_and(|only| only != index) {
            return Ok(undecided(Status::Skipped));
        }
        promise::judge(self, index, cancellation)
    }

    fn decide(
        &self,
        judged: &Receiver<Judged>,
        decided: &mut impl FnMut(usize, &Report),
    ) -> anyhow::Result<Vec<Report>> {
        let mut waiting: Vec<Option<anyhow::Result<Report>>> =
            self.promises.iter().map(|_| None).collect();
        let mut reports = Vec::with_capacity(self.promises.len());
        for (index, report) in judged {
            waiting[index] = Some(report);
            while let Some(report) = waiting.get_mut(reports.len()).and_then(Option::take) {
                let report = report?;
                let at = reports.len();
                decided(at, &report);
                reports.push(report);
                if self.ends_at(at, &reports[at]) {
                    reports.resize(self.promises.len(), undecided(Status::NotReached));
                    return Ok(reports);
                }
            }
        }
        Ok(reports)
    }

    fn ends_at(&self, index: usize, report: &Report) -> bool {
        report.status == Status::Broken && !self.promises[index].extra && !self.keep_going
    }
}

/// The first needed promise that broke.
pub(crate) fn first_broken(promises: &[Promise], reports: &[Report]) -> Option<usize> {
    let needed_and_broken =
        |(promise, report): (&Promise, &Report)| !promise.extra && report.status == Status::Broken;
    promises.iter().zip(reports).position(needed_and_broken)
}

fn undecided(status: Status) -> Report {
    Report { status, millis: 0, story: None }
}
