//! `check --runs N`: the same check many times, to find what breaks only sometimes.

use std::{collections::BTreeMap, time::Instant};

use events::contract::{Report, Status};
use serde_json::Value;

use super::{Check, json, judged};
use crate::{
    exit::{Failure, Verdict},
    judge::Plan,
    report::Words,
    terminal::Ticker,
};

/// Judges as often as asked, with a line per run, and counts which promises broke how often.
pub(super) fn repeat(
    check: &Check,
    plan: &Plan,
    words: &Words,
) -> Result<(Verdict, Value), Failure> {
    let runs = check.options.runs;
    let mut broke: BTreeMap<usize, u32> = BTreeMap::new();
    let mut kept_all = 0;
    for run in 1..=runs {
        let started = Instant::now();
        let mut ticker = Ticker::new();
        let reports = judged::reports(plan, |index, _| {
            ticker.show(&format!("run {run} of {runs}: promise {} is decided", index + 1));
        })?;
        drop(ticker);
        let broken: Vec<usize> = broken(&reports).collect();
        for index in &broken {
            *broke.entry(*index).or_default() += 1;
        }
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        // A learner who asks for one promise needs that one.
        let is_needed = |index: &usize| plan.only.is_some() || !plan.promises[*index].extra;
        let needed = broken.iter().copied().find(is_needed);
        kept_all += u32::from(needed.is_none());
        check.say(words.run((run, runs), plan.only, needed, millis));
        for index in broken {
            if let Some(story) = &reports[index].story {
                check.say(words.story(index, story, None));
            }
        }
    }
    let broke: Vec<(usize, u32)> = broke.into_iter().collect();
    check.say(words.runs(runs, plan.only, kept_all, &broke));
    let holds = broke.iter().all(|(index, _)| plan.promises[*index].extra);
    let source = &check.options.source;
    let object = json::repeated(check.exercise, source, plan.promises, (runs, kept_all), &broke);
    Ok((Verdict::from_holds(holds), object))
}

fn broken(reports: &[Report]) -> impl Iterator<Item = usize> {
    let is_broken = |(_, report): &(usize, &Report)| report.status == Status::Broken;
    reports.iter().enumerate().filter(is_broken).map(|(index, _)| index)
}
