//! An operator takes a deploy back.

use std::time::Duration;

use harness::{Kept, Trial, who::children, wire::request_with_cookie};

use crate::{
    scene::{ENDLESS, fresh, millis, shown},
    site::{Got, NEW, OLD, Site, WORKERS, ask_with},
};

pub(crate) fn back_is_done_when_it_answers(trial: &Trial) -> Kept {
    under_way(trial)?;
    fresh(trial);
    before_it_began(trial).map_err(|broken| broken.during("a candidate that still starts"))?;
    fresh(trial);
    in_a_promotion(trial).map_err(|broken| broken.during("a promotion"))?;
    fresh(trial);
    with_a_frozen_worker(trial).map_err(|broken| broken.during("a frozen worker"))
}

fn under_way(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "100"), ENDLESS])?;
    site.operates("POST", "/back", 409)?;
    let deploy = site.deploy_to(NEW, 100)?;
    site.are_all(&site.ask_all(None)?, NEW)?;
    site.operates("POST", "/back", 200)?;
    let after = [site.ask_all(Some("anna"))?, site.ask_all(None)?, site.ask_many(0, 50)?].concat();
    site.are_all(&after, OLD)?;
    let end = site.ends(deploy, "sent-back")?;
    trial.expect(end["reason"].is_string(), "a reason in the log", end.to_string())?;
    site.is_as_before()?;
    site.operates("POST", "/back", 409)?;
    let next = site.deploy("1.2.0")?;
    trial.expect(next == 2, "the next deploy, number 2", format!("{next}"))
}

fn before_it_began(trial: &Trial) -> Kept {
    let settings = [("STEPS", "25"), ENDLESS, ("FAULTS", "1.1.0:never-ready")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy(NEW)?;
    site.has_children(WORKERS + 1)?;
    site.operates("POST", "/back", 200)?;
    site.ends(deploy, "sent-back")?;
    site.is_as_before()
}

/// Slots that were promoted already go back before the answer comes.
fn in_a_promotion(trial: &Trial) -> Kept {
    let settings = [
        ("STEPS", "25"),
        ("STEP_ANSWERS", "4"),
        ("FAULTS", "1.1.0/4:never-ready,1.1.0/3:never-ready"),
    ];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    site.ask_until_new(4)?;
    site.until("it is promoted", |json| json["phase"] == "promoting")?;
    site.operates("POST", "/back", 200)?;
    let after = [site.ask_all(None)?, site.volley(24)?].concat();
    site.are_all(&after, OLD)?;
    site.ends(deploy, "sent-back").map(drop)
}

/// It can't acknowledge anything, and it must not go on with the old share when it runs again.
fn with_a_frozen_worker(trial: &Trial) -> Kept {
    let timeout = millis(Duration::from_millis(600));
    let settings = [("STEPS", "100"), ENDLESS, ("ACK_TIMEOUT_MS", timeout.as_str())];
    let site = Site::start(trial, &settings)?;
    let mut frozen = site.cluster.connect()?;
    let first = ask_with(&mut frozen, "/", None);
    let first = first.map_err(|failure| trial.broken("an answer", failure.to_string()))?;
    let victim = Got::of(trial, &first)?.pid;
    let deploy = site.deploy_to(NEW, 100)?;
    site.freeze(victim)?;
    let _ = frozen.send(request_with_cookie("GET", "/", None, "").as_bytes());
    site.operates("POST", "/back", 200)?;
    // It has acknowledged nothing, so it must not live.
    let lives = children(&site.cluster).contains(&victim);
    trial.expect(!lives, "no worker that has not acknowledged", format!("pid {victim} lives"))?;
    // Its connection is cut, or the old version answers.
    if let Ok(answer) = frozen.answer() {
        let got = Got::of(trial, &answer)?;
        trial.expect(!got.is_new(), format!("no answer of {NEW} after 200 for POST /back"), NEW)?;
    }
    let after = [site.volley(16)?, site.ask_many(1, 16)?].concat();
    trial.expect(
        after.iter().all(|got| !got.is_new()),
        format!("answers of {OLD}"),
        shown(&after),
    )?;
    site.ends(deploy, "sent-back").map(drop)
}
