//! An operator takes a deploy back.

use std::time::Duration;

use events::Exit;
use harness::{
    Kept, Signal, Trial,
    exchange::start,
    patience,
    who::children,
    wire::{Connection, request_with_cookie},
};

use crate::{
    scene::{ENDLESS, PROMPT, fresh, millis, shown},
    site::{Got, NEW, OLD, Site, WORKERS, ask_with},
};

pub(crate) fn back_is_done_when_it_answers(trial: &Trial) -> Kept {
    under_way(trial)?;
    fresh(trial);
    before_it_began(trial).map_err(|broken| broken.during("a candidate that still starts"))?;
    fresh(trial);
    in_a_promotion(trial).map_err(|broken| broken.during("a promotion"))?;
    fresh(trial);
    with_a_frozen_worker(trial).map_err(|broken| broken.during("a frozen worker"))?;
    fresh(trial);
    on_its_way_back(trial).map_err(|broken| broken.during("a deploy on its way back"))?;
    fresh(trial);
    when_sigterm_comes(trial).map_err(|broken| broken.during("SIGTERM during POST /back"))
}

/// One of its two workers has died. The other one is frozen, so the deploy stays on its way back.
fn on_its_way_back(trial: &Trial) -> Kept {
    let settings = [("STEPS", "50"), ENDLESS, ("DRAIN_TIMEOUT_MS", "60000")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 50)?;
    let candidates: Vec<u32> = site.newcomers().into_iter().collect();
    let [victim, frozen] = candidates[..] else {
        return Err(trial.broken("two workers of the candidate", format!("{candidates:?}")));
    };
    site.freeze(frozen)?;
    site.kill(victim)?;
    site.until("the deploy is on its way back", |json| json["phase"] == "rolling-back")?;
    let why = site.operates("GET", "/deploy", 200)?.json["reason"].clone();
    for _ in 0..2 {
        site.operates("POST", "/back", 200)?;
    }
    site.cluster.signal_process(frozen, Signal::SIGCONT)?;
    let end = site.ends(deploy, "sent-back")?;
    let expected = format!("sent back for the first reason, {why}");
    trial.expect(why.is_string() && end["reason"] == why, expected, end["reason"].to_string())
}

/// A frozen worker can't acknowledge that the share is 0, so the operator waits when the program is ended.
fn when_sigterm_comes(trial: &Trial) -> Kept {
    let settings = [("STEPS", "25"), ENDLESS, ("DRAIN_TIMEOUT_MS", "60000")];
    let site = Site::start(trial, &settings)?;
    let frozen = site.ask_on(3, None)?.pid;
    site.deploy_to(NEW, 25)?;
    site.freeze(frozen)?;
    let admin = site.cluster.admin.ok_or_else(|| trial.broken("an address", "none"))?;
    let operator = Connection::open(admin, patience(PROMPT))
        .map_err(|failure| trial.broken("a connection", failure.to_string()))?;
    let limit = patience(PROMPT);
    let waits = start(&trial.recorder, operator, "POST", "/back", "", limit).sent()?;
    site.until("the deploy is on its way back", |json| json["phase"] == "rolling-back")?;
    site.cluster.signal(Signal::SIGTERM);
    let status = waits.outcome()?.map_or(0, |reply| reply.answer.status);
    let expected = "503 for the operator who waits";
    trial.expect(status == 503, expected, format!("status {status}"))?;
    site.cluster.signal_process(frozen, Signal::SIGCONT)?;
    let exit = site.cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    site.cluster.wait_gone(PROMPT)
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
