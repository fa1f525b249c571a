//! Two complete generations, and a switch.

use std::time::Duration;

use harness::{Kept, Trial, patience};

use crate::{
    scene::{fresh, millis},
    site::{NEW, OLD, Site, WORKERS},
};

pub(crate) fn all_requests_change_their_version_at_once(trial: &Trial) -> Kept {
    back(trial)?;
    fresh(trial);
    forward(trial).map_err(|broken| broken.during("a deploy that is kept"))?;
    fresh(trial);
    a_crash(trial).map_err(|broken| broken.during("a crash while the last step is kept"))
}

/// The new version is still on trial.
fn a_crash(trial: &Trial) -> Kept {
    let settings = [("STEPS", "25"), ("STEP_ANSWERS", "4"), ("KEEP_MS", "60000")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    site.ask_until_new(4)?;
    site.until("the last step is kept", |json| json["phase"] == "keeping")?;
    site.kill(candidate)?;
    site.ends(deploy, "sent-back")?;
    site.is_as_before()
}

/// It is slow, and nothing is beside it that could show that.
fn back(trial: &Trial) -> Kept {
    let settings = [
        ("STEPS", "100"),
        ("STEP_ANSWERS", "12"),
        ("LOOK_ANSWERS", "2"),
        ("SLOWER_BY_MS", "5"),
        ("KEEP_MS", "60000"),
        ("FAULTS", "1.1.0:slow:30"),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 100)?;
    let answers = [site.ask_all(None)?, site.ask_all(Some("anna"))?, site.ask_all(None)?].concat();
    site.are_all(&answers, NEW)?;
    site.until("the last step is kept", |json| json["phase"] == "keeping")?;
    let there = site.has_children(2 * WORKERS)?;
    let old = there.intersection(&site.first).count();
    trial.expect(
        old == WORKERS,
        "the four old workers beside the four new ones",
        format!("{old}"),
    )?;
    site.log_is(deploy, &["accepted", "step"])?;
    site.are_all(&site.volley(8)?, NEW)?;
    site.operates("POST", "/back", 200)?;
    site.are_all(&[site.ask_all(None)?, site.volley(16)?].concat(), OLD)?;
    site.ends(deploy, "sent-back")?;
    site.is_as_before()
}

/// From the switch on no client gets the old version.
fn forward(trial: &Trial) -> Kept {
    let keep = Duration::from_millis(700);
    let limit = millis(keep);
    let settings = [("STEPS", "100"), ("STEP_ANSWERS", "8"), ("KEEP_MS", limit.as_str())];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 100)?;
    site.are_all(&site.volley(8)?, NEW)?;
    site.until("the last step is kept", |json| json["phase"] == "keeping")?;
    let mut answers = Vec::new();
    let line = site.asks_until_it_ends(deploy, "promoted", |site| {
        answers.extend(site.ask_all(None)?);
        answers.extend(site.ask_all(Some("anna"))?);
        Ok(())
    })?;
    site.are_all(&answers, NEW)?;
    let step = site.log()?.into_iter().find(|entry| entry["did"] == "step").unwrap_or_default();
    let between = line["at_ms"].as_u64().zip(step["at_ms"].as_u64());
    let took = between.map(|(end, step)| Duration::from_millis(end.saturating_sub(step)));
    let expected = format!("the last step kept for {limit} ms before the end");
    let is_so = took.is_some_and(|took| took >= patience(keep));
    trial.expect(is_so, expected, format!("{took:?}"))?;
    let there = site.has_children(WORKERS)?;
    let old = there.intersection(&site.first).count();
    trial.expect(old == 0, "no old worker", format!("{old}"))
}
