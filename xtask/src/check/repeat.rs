//! `check --runs N`: the same check many times, to find what breaks only sometimes.

use std::{collections::BTreeMap, time::Instant};

use events::contract::{Report, Status};
use serde_json::Value;

use super::{Check, json, judged, verdict};
use crate::{
    exit::{Failure, Verdict},
    judge::Plan,
    report::Words,
    terminal::Ticker,
};

/// What was counted over all runs.
#[derive(Default)]
struct Count {
    kept_all: u32,
    unclear: u32,
    /// How often each promise broke.
    broke: BTreeMap<usize, u32>,
}

/// Judges as often as asked, with a line per run, and counts which promises broke how often.
pub(super) fn repeat(
    check: &Check,
    plan: &Plan,
    words: &Words,
) -> Result<(Verdict, Value), Failure> {
    let runs = check.options.runs;
    let mut count = Count::default();
    let mut worst = Verdict::Kept;
    for run in 1..=runs {
        let started = Instant::now();
        let mut ticker = Ticker::new();
        let reports = judged::reports(plan, |index, _| {
            ticker.show(&format!("run {run} of {runs}: promise {} is decided", index + 1));
        })?;
        drop(ticker);
        let verdict = verdict(plan, &reports);
        worst = worst.max(verdict);
        count.add(verdict, &reports);
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        check.say(words.run((run, runs), plan.only, decisive(plan, &reports), millis));
        for (index, story) in stories(&reports) {
            check.say(words.story(index, story, None));
        }
    }
    let broke: Vec<(usize, u32)> = count.broke.into_iter().collect();
    check.say(words.runs(runs, plan.only, (count.kept_all, count.unclear), &broke));
    let source = &check.options.source;
    let counts = (runs, count.kept_all, count.unclear);
    let object = json::repeated(check.exercise, source, plan.promises, counts, &broke, worst);
    Ok((worst, object))
}

impl Count {
    fn add(&mut self, verdict: Verdict, reports: &[Report]) {
        self.kept_all += u32::from(verdict == Verdict::Kept);
        self.unclear += u32::from(verdict == Verdict::Unclear);
        for (index, _) in stories(reports) {
            *self.broke.entry(index).or_default() += 1;
        }
    }
}

/// The promise that keeps a run from being a good one: the first that broke, or else the first that
/// is unclear.
fn decisive(plan: &Plan, reports: &[Report]) -> Option<(usize, Status)> {
    // A learner who asks for one promise needs it.
    let is_needed = |index: usize| plan.only.is_some() || !plan.promises[index].extra;
    let first = |status| {
        let found = reports.iter().position(|report| report.status == status);
        found.filter(|index| is_needed(*index)).map(|index| (index, status))
    };
    first(Status::Broken).or_else(|| first(Status::Unclear))
}

/// The promises that broke, with their stories.
fn stories(reports: &[Report]) -> impl Iterator<Item = (usize, &events::contract::Story)> {
    let broken = reports.iter().enumerate().filter(|(_, report)| report.status == Status::Broken);
    broken.filter_map(|(index, report)| Some((index, report.story.as_ref()?)))
}
