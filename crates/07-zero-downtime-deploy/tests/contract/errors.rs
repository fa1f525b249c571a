//! Versions whose answers are bad.

use std::time::Duration;

use harness::{Kept, Trial};
use serde_json::{Value, json};

use crate::{
    scene::{fresh, millis, shown, told},
    site::{Got, NEW, OLD, Site, WORKERS},
};

pub(crate) fn a_version_with_errors_is_sent_back(trial: &Trial) -> Kept {
    one_after_the_other(trial)?;
    fresh(trial);
    the_score_is_exact(trial)?;
    fresh(trial);
    no_answers(trial).map_err(|broken| broken.during("a candidate that gives no answer"))
}

/// The first has 10 % errors. Of the second the worker that its second step brings is bad.
fn one_after_the_other(trial: &Trial) -> Kept {
    let faults = "1.1.0:errors:10,1.2.0/6:errors:1";
    let settings = [("STEPS", "25,50"), ("STEP_ANSWERS", "100"), ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    let (answers, end) = judged(&site, deploy, "sent-back")?;
    let new: Vec<Got> = answers.into_iter().filter(Got::is_new).collect();
    let expected = "60 answers of the candidate, or some more, until it is sent back";
    trial.expect((40..=90).contains(&new.len()), expected, shown(&new))?;
    let bad = new.iter().filter(|got| got.status == 500).count() as u64;
    let told_errors = end["errors"].as_u64().unwrap_or_default();
    let observed = format!("{}; clients got {bad} answers with 500", told(&end));
    let expected = "a line with 5 to 8 errors, and clients got as many, or one more";
    let is_so = (5..=8).contains(&told_errors) && (told_errors..=told_errors + 1).contains(&bad);
    trial.expect(is_so, expected, observed)?;
    has_figures(trial, &end, 25)?;
    site.log_is(deploy, &["accepted", "sent-back"])?;
    site.is_as_before()?;
    says(
        &site,
        &json!({ "phase": "steady", "candidate": null, "share": 0, "reason": end["reason"] }),
    )?;
    let deploy = site.deploy_to("1.2.0", 25)?;
    says(&site, &json!({ "phase": "canary", "candidate": "1.2.0", "share": 25, "reason": null }))?;
    let (answers, end) = judged(&site, deploy, "sent-back")?;
    has_figures(trial, &end, 50)?;
    site.log_is(deploy, &["accepted", "step", "sent-back"])?;
    let strays = answers.iter().filter(|got| got.version == NEW).count();
    trial.expect(
        strays == 0,
        format!("no answer of {NEW}, which is bad"),
        format!("{strays} of it"),
    )?;
    site.is_as_before()?;
    site.stops()
}

/// Asks each worker in turn until the deploy has ended.
fn judged(site: &Site<'_>, deploy: u64, did: &str) -> Kept<(Vec<Got>, Value)> {
    let mut answers = Vec::new();
    let end = site.asks_until_it_ends(deploy, did, |site| {
        answers.extend(site.ask_all(None)?);
        Ok(())
    })?;
    Ok((answers, end))
}

/// `GET /deploy` says this, of the deploy under way or the last one.
fn says(site: &Site<'_>, wanted: &Value) -> Kept {
    let said = site.operates("GET", "/deploy", 200)?;
    for (name, wanted) in wanted.as_object().into_iter().flatten() {
        let is_so = said.json.get(name) == Some(wanted);
        let observed = format!("{name}={}", said.json[name]);
        site.trial.expect(is_so, format!("GET /deploy with {name}={wanted}"), observed)?;
    }
    Ok(())
}

fn has_figures(trial: &Trial, end: &Value, share: u64) -> Kept {
    let score = end["score"].as_f64().unwrap_or_default();
    let has_reason = end["reason"].as_str().is_some_and(|reason| !reason.is_empty());
    let is_so = end["share"] == share && score >= 100_f64.ln() && has_reason;
    let expected = format!("sent back at {share} %, with a score of ln(100) or more, and a reason");
    trial.expect(is_so, expected, told(end))
}

/// One worker gives each second request to the candidate, which fails each time. Of two answers one is the
/// candidate's, and of four answers two, so p is a half after each bad one.
fn the_score_is_exact(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "50"), ("FAULTS", "1.1.0:errors:1")])?;
    site.deploy_to(NEW, 50)?;
    site.ask_many(0, 4)?;
    site.until("both bad answers have been counted", |json| json["errors"] == 2)?;
    let said = site.operates("GET", "/deploy", 200)?.json;
    let score = said["score"].as_f64().unwrap_or_default();
    let each = 4_f64.ln() - (1.0 + 0.5 * 3.0_f64).ln();
    let expected = format!("a score of {:.3} after two bad answers of four", 2.0 * each);
    trial.expect((score - 2.0 * each).abs() < 0.001, expected, format!("{score:.3}"))
}

/// A frozen worker takes requests and answers none. The stable workers do, and no client notices.
fn no_answers(trial: &Trial) -> Kept {
    let limit = millis(Duration::from_millis(250));
    let settings = [
        ("STEPS", "25"),
        ("ANSWER_TIMEOUT_MS", limit.as_str()),
        ("DRAIN_TIMEOUT_MS", "100"),
        ("DOUBT", "10"),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    site.freeze(candidate)?;
    let mut answers = Vec::new();
    site.asks_until_it_ends(deploy, "sent-back", |site| {
        answers.extend(site.volley(WORKERS)?);
        Ok(())
    })?;
    site.are_all(&answers, OLD)?;
    site.is_as_before()
}
