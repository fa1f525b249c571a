//! A version that is good, from its first answer to the last slot.

use std::collections::BTreeSet;

use harness::{Kept, Trial, who::children};
use serde_json::Value;

use crate::{
    scene::told,
    site::{NEW, Site, WORKERS},
};

/// What was seen of the workers on the way.
#[derive(Default)]
struct Census {
    /// The candidate's own workers.
    candidates: BTreeSet<u32>,
    /// The most that were alive beside these.
    most: usize,
    /// The fewest.
    fewest: usize,
    /// The most that were alive in all.
    all: usize,
}

impl Census {
    fn new() -> Self {
        Census { fewest: usize::MAX, ..Census::default() }
    }

    fn look(&mut self, there: &BTreeSet<u32>) {
        let beside = there.difference(&self.candidates).count();
        self.most = self.most.max(beside);
        self.fewest = self.fewest.min(beside);
        self.all = self.all.max(there.len());
    }
}

pub(crate) fn a_good_version_goes_through_all_steps(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25,50"), ("STEP_ANSWERS", "20")])?;
    let deploy = site.deploy_to(NEW, 25)?;
    let mut census = Census::new();
    // The answers of the canary that clients had got when the last step had ended.
    let mut given = None;
    let mut answers = 0;
    let line = site.asks_until_it_ends(deploy, "promoted", |site| {
        for got in site.ask_all(None)? {
            trial.expect(
                got.status == 200,
                "each answer has status 200",
                got.status.to_string(),
            )?;
            if got.is_new() && got.worker > WORKERS as u64 {
                answers += 1;
                census.candidates.insert(got.pid);
            }
        }
        if site.did(deploy)?.len() >= 3 {
            given.get_or_insert(answers);
            census.look(&children(&site.cluster));
        }
        Ok(())
    })?;
    let there = children(&site.cluster);
    let old = there.intersection(&site.first).count();
    let own = there.intersection(&census.candidates).count();
    let observed = format!("{} workers, {old} old ones, {own} of the canary's", there.len());
    let is_so = there.len() == WORKERS && old == 0 && own == 0;
    trial.expect(is_so, "once the log says promoted: four new workers alone", observed)?;
    each_step_is_told(&site, deploy, &line)?;
    let given = given.unwrap_or_default();
    let expected = "two steps of 20 answers: 40 answers of the canary, or more";
    trial.expect(given >= 40, expected, format!("{given} answers of the canary"))?;
    one_at_a_time(trial, &census)?;
    let answers = [site.ask_all(None)?, site.ask_many(0, 40)?].concat();
    site.are_all(&answers, NEW)?;
    let said = site.operates("GET", "/deploy", 200)?;
    let is_so = said.json["phase"] == "steady" && said.json["version"] == NEW;
    trial.expect(is_so, format!("steady, with version {NEW}"), said.to_string())?;
    site.stops()
}

fn one_at_a_time(trial: &Trial, census: &Census) -> Kept {
    let Census { candidates, most, fewest, all } = census;
    let observed = format!("{} answered", candidates.len());
    trial.expect(candidates.len() == 2, "two workers of the canary, at 50 %", observed)?;
    let expected = "while it is promoted: 4 or 5 workers in the slots 1 to 4";
    let observed = format!("{fewest} to {most}");
    trial.expect(*fewest >= WORKERS && *most <= WORKERS + 1, expected, observed)?;
    let expected = "7 workers at most: 4, one more, and 2 of the canary";
    trial.expect(*all <= WORKERS + 3, expected, format!("{all}"))
}

/// Each answer is judged when it comes, so the figures are known.
fn each_step_is_told(site: &Site<'_>, deploy: u64, end: &Value) -> Kept {
    site.log_is(deploy, &["accepted", "step", "step", "promoted"])?;
    for (entry, share) in site.log()?.iter().filter(|entry| entry["did"] == "step").zip([25, 50]) {
        let is_so = entry["share"] == share && entry["answers"] == 20 && entry["errors"] == 0;
        let expected = format!("a step of {share} % with 20 answers and no error");
        site.trial.expect(is_so, expected, told(entry))?;
    }
    let log = site.log()?;
    let last = log.iter().rfind(|entry| entry["did"] == "step").cloned().unwrap_or_default();
    let is_so = ["share", "answers", "errors", "score"].iter().all(|name| end[name] == last[name]);
    let expected = format!("promoted with the figures of the last step, {}", told(&last));
    site.trial.expect(is_so, expected, told(end))?;
    let is_so = end["version"] == NEW && end["by"] == "anna";
    site.trial.expect(is_so, format!("{NEW} promoted, deployed by anna"), end.to_string())
}
