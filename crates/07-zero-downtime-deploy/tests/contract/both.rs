//! Faults that both versions have.

use harness::{Kept, Trial};

use crate::{
    scene::{fresh, told},
    site::{NEW, Site},
};

pub(crate) fn no_version_is_blamed_for_a_fault_of_both(trial: &Trial) -> Kept {
    both_fail(trial).map_err(|broken| broken.during("each fifth answer of both is an error"))?;
    fresh(trial);
    both_are_slow(trial).map_err(|broken| broken.during("both take 300 ms"))
}

fn both_fail(trial: &Trial) -> Kept {
    let faults = "1.0.0:errors:5,1.1.0:errors:5";
    let settings = [("STEPS", "50"), ("STEP_ANSWERS", "100"), ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 50)?;
    site.asks_until_it_ends(deploy, "promoted", |site| site.ask_all(None).map(drop))?;
    site.log_is(deploy, &["accepted", "step", "promoted"])?;
    let log = site.log()?;
    let step = log.iter().find(|entry| entry["did"] == "step").cloned().unwrap_or_default();
    let errors = step["errors"].as_u64().unwrap_or_default();
    let is_so = step["answers"] == 100 && (19..=21).contains(&errors);
    trial.expect(is_so, "a step of 100 answers with about 20 errors", told(&step))?;
    // So the errors of the old version were counted too: each of the two takes away what the other adds.
    let score = step["score"].as_f64().unwrap_or(f64::MAX);
    trial.expect(score < 0.0, "a score below 0", told(&step))
}

fn both_are_slow(trial: &Trial) -> Kept {
    let faults = "1.0.0:slow:300,1.1.0:slow:300";
    let settings = [
        ("STEPS", "50"),
        ("STEP_ANSWERS", "15"),
        ("LOOK_ANSWERS", "5"),
        ("SLOWER_BY_MS", "200"),
        ("FAULTS", faults),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 50)?;
    site.asks_until_it_ends(deploy, "promoted", |site| site.volley(16).map(drop))?;
    site.log_is(deploy, &["accepted", "step", "promoted"])
}
