//! Faults that both versions have.

use harness::{Kept, Trial};

use crate::{
    scene::{fresh, told},
    site::{Got, NEW, Site},
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
    // One worker counts all of them, so the primary hears of the answers in their order.
    let mut answers = Vec::new();
    site.asks_until_it_ends(deploy, "promoted", |site| {
        answers.push(site.ask_on(0, None)?);
        Ok(())
    })?;
    site.log_is(deploy, &["accepted", "step", "promoted"])?;
    let log = site.log()?;
    let step = log.iter().find(|entry| entry["did"] == "step").cloned().unwrap_or_default();
    let errors = step["errors"].as_u64().unwrap_or_default();
    let is_so = step["answers"] == 100 && (19..=21).contains(&errors);
    trial.expect(is_so, "a step of 100 answers with about 20 errors", told(&step))?;
    // So the errors of the old version were counted too: each of the two takes away what the other adds.
    let score = step["score"].as_f64().unwrap_or(f64::MAX);
    trial.expect(score < 0.0, "a score below 0", told(&step))?;
    let wanted = score_of(&answers, 100);
    let expected = format!("a score of {wanted:.4}, answer by answer");
    trial.expect((score - wanted).abs() < 1e-6, expected, told(&step))
}

/// As PROTOCOL.md computes it with `WORSE=4`, until the candidate has given this many answers.
fn score_of(answers: &[Got], most: u32) -> f64 {
    let (mut all, mut new, mut score) = (0_u32, 0_u32, 0.0);
    for got in answers {
        if new == most {
            break;
        }
        all += 1;
        new += u32::from(got.is_new());
        if got.status == 500 {
            score -= (f64::from(new) / f64::from(all)).mul_add(3.0, 1.0).ln();
            score += if got.is_new() { 4_f64.ln() } else { 0.0 };
        }
    }
    score
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
