//! Checking the promises: side by side, but decided in order.
//!
//! As many at a time as the machine bears, because most of a check is waiting. What is shown depends
//! only on the order of the promises: the first broken one ends the check, and the later ones are
//! called off. A promise that broke on a busy machine is judged again, alone ([`doubt`]).

mod cancel;
mod doubt;
mod promise;

use std::{
    env,
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use events::contract::{Promise, Report, Status};
use processes::jobs_at_a_time;

use self::cancel::Cancellation;
use self::doubt::{is_doubtful, judge_again};
use crate::{contract::Contract, exit::Failure, interrupt, machine::checks_at_a_time};

/// What a check needs of a core, on average. Most of it is waiting.
const SHARE_OF_A_CORE: f64 = 0.25;
/// How long the deadlines of a promise are that is expected to break, beside the usual ones.
const LITTLE_PATIENCE: f64 = 0.3;

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
    /// Judge again what breaks on a busy machine.
    pub(crate) doubts: bool,
    /// The promises that are expected to break. Most of them break when a deadline passes, so their
    /// deadlines are shorter.
    pub(crate) hopeless: &'a [usize],
}

type Judged = (usize, anyhow::Result<Report>);

impl Plan<'_> {
    /// Judges, and calls `decided` for each promise in order, as soon as everything before it is
    /// decided. Whatever the program under test does, nothing of it is left afterwards.
    pub(crate) fn judge(
        &self,
        mut decided: impl FnMut(usize, &Report),
    ) -> Result<Vec<Report>, Failure> {
        let mut reports = Vec::with_capacity(self.promises.len());
        while reports.len() < self.promises.len() {
            let doubtful = self.judge_side_by_side(&mut reports, &mut decided);
            interrupt::end_everything();
            let Some(doubtful) = doubtful? else { break };
            let index = reports.len();
            let report = judge_again(self, index, &doubtful);
            interrupt::end_everything();
            let report = report?;
            decided(index, &report);
            let is_over = self.ends_at(index, &report);
            reports.push(report);
            if is_over {
                break;
            }
        }
        reports.resize(self.promises.len(), Report::bare(Status::NotReached));
        Ok(reports)
    }

    /// Judges the promises that have no report yet, up to the end of the check, or up to a report
    /// that is in doubt, which is returned.
    fn judge_side_by_side(
        &self,
        reports: &mut Vec<Report>,
        decided: &mut impl FnMut(usize, &Report),
    ) -> anyhow::Result<Option<Report>> {
        let cancellation = Cancellation::default();
        let next = AtomicUsize::new(reports.len());
        let (sender, judged) = channel();
        let left = self.promises.len() - reports.len();
        let jobs = if self.only.is_some() { 1 } else { self.jobs(left) };
        thread::scope(|scope| {
            for _ in 0..jobs {
                let sender = sender.clone();
                let (next, cancellation) = (&next, &cancellation);
                scope.spawn(move || self.work(next, cancellation, &sender));
            }
            drop(sender);
            let outcome = self.decide(&judged, reports, decided);
            cancellation.cancel();
            outcome
        })
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
        reports.resize(self.promises.len(), Report::bare(Status::NotReached));
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
            return Ok(Report::bare(Status::Skipped));
        }
        let patience = if self.hopeless.contains(&index) { LITTLE_PATIENCE } else { 1.0 };
        promise::judge(self, index, patience, cancellation)
    }

    /// Hands out the verdicts in order; the first that is in doubt ends that, and is returned.
    fn decide(
        &self,
        judged: &Receiver<Judged>,
        reports: &mut Vec<Report>,
        decided: &mut impl FnMut(usize, &Report),
    ) -> anyhow::Result<Option<Report>> {
        let mut waiting: Vec<Option<anyhow::Result<Report>>> =
            self.promises.iter().map(|_| None).collect();
        for (index, report) in judged {
            waiting[index] = Some(report);
            while let Some(report) = waiting.get_mut(reports.len()).and_then(Option::take) {
                let report = report?;
                if self.doubts && is_doubtful(&report) {
                    return Ok(Some(report));
                }
                let at = reports.len();
                decided(at, &report);
                let is_over = self.ends_at(at, &report);
                reports.push(report);
                if is_over {
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    /// How many of `left` checks to do at a time: `CHECK_JOBS`, or what the machine bears now.
    fn jobs(&self, left: usize) -> usize {
        let wanted = env::var("CHECK_JOBS").ok().and_then(|text| text.parse().ok());
        let jobs = wanted.filter(|jobs| *jobs > 0);
        // A promise that breaks does nothing but wait, most of the time.
        let share = SHARE_OF_A_CORE / if self.hopeless.is_empty() { 1.0 } else { 2.0 };
        checks_at_a_time(jobs.unwrap_or_else(|| jobs_at_a_time(share)).min(left))
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
