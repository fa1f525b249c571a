//! What must not decide anything.

use std::time::Duration;

use harness::{Kept, Trial};
use serde_json::Value;

use crate::{
    scene::{fault, fresh, pass, told},
    site::{NEW, Site, WORKERS},
};

pub(crate) fn too_little_decides_nothing(trial: &Trial) -> Kept {
    silence(trial).map_err(|broken| broken.during("silence"))?;
    fresh(trial);
    three_errors(trial).map_err(|broken| broken.during("a candidate that answers 500 each time"))
}

/// Steps that would end with one answer, and no answer comes.
fn silence(trial: &Trial) -> Kept {
    let settings = [("STEPS", "25,50"), ("STEP_ANSWERS", "1"), ("LOOK_ANSWERS", "1")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    pass(trial, Duration::from_millis(1500));
    undecided(&site, deploy)
}

fn three_errors(trial: &Trial) -> Kept {
    let faults = fault("errors:1");
    let site = Site::start(trial, &[("STEPS", "25"), ("FAULTS", &faults)])?;
    let deploy = site.deploy_to(NEW, 25)?;
    site.ask_until_new(3)?;
    site.counts(3)?;
    undecided(&site, deploy)?;
    // One client that asks again and again is one error more.
    let name = site.name_that_is_in()?;
    for _ in 0..30 {
        let got = site.ask_on(1, Some(&name))?;
        let expected = format!("500 from {NEW} for {name}, each time");
        let observed = format!("{} from {}", got.status, got.version);
        trial.expect(got.status == 500 && got.is_new(), expected, observed)?;
    }
    site.counts(4)?;
    pass(trial, Duration::from_millis(300));
    undecided(&site, deploy)?;
    // What does decide is a little more of the same, from others.
    let end = site.asks_until_it_ends(deploy, "sent-back", |site| site.ask_all(None).map(drop))?;
    let errors = end["errors"].as_u64().unwrap_or_default();
    trial.expect((5..=8).contains(&errors), "sent back after 5 to 8 errors", told(&end))
}

/// The candidate is still there, with its share, and the log says nothing of an end.
fn undecided(site: &Site<'_>, deploy: u64) -> Kept {
    site.log_is(deploy, &["accepted"])?;
    let workers = harness::who::children(&site.cluster).len();
    let expected = "the candidate's worker beside the four others";
    site.trial.expect(workers == WORKERS + 1, expected, format!("{workers} workers"))
}

impl Site<'_> {
    /// Waits until the program has counted this many errors.
    fn counts(&self, errors: u64) -> Kept {
        let is_so = |json: &Value| json["errors"].as_u64().is_some_and(|counted| counted >= errors);
        self.until(&format!("{errors} errors are counted"), is_so)
    }
}
