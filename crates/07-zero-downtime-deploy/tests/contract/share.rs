//! What runs before a deploy, and how much of the requests its candidate gets.

use std::collections::BTreeSet;

use harness::{Kept, Trial, who::children};
use serde_json::json;

use crate::{
    scene::{ENDLESS, PROMPT, fresh, shown},
    site::{Got, NEW, OLD, Site, WORKERS},
};

pub(crate) fn four_workers_serve(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[])?;
    let answers = site.ask_all(None)?;
    site.are_all(&answers, OLD)?;
    let slots: BTreeSet<u64> = answers.iter().map(|got| got.worker).collect();
    let observed = format!("{slots:?}");
    trial.expect(slots == (1..=4).collect(), "answers from the slots 1 to 4", observed)?;
    let said = site.operates("GET", "/deploy", 200)?;
    let steady = json!({
        "phase": "steady", "version": OLD, "candidate": null, "share": 0, "answers": 0,
        "errors": 0, "deploy": 0, "reason": null,
    });
    for (name, wanted) in steady.as_object().into_iter().flatten() {
        let is_so = said.json.get(name) == Some(wanted);
        trial.expect(is_so, format!("GET /deploy with {name}={wanted}"), said.to_string())?;
    }
    for query in ["", "?version=1.1", "?version=new", "?version=1.1.0&by=a+b"] {
        site.operates("POST", &format!("/deploy{query}"), 400)?;
    }
    site.operates("POST", "/back", 409)?;
    trial.expect(site.log()?.is_empty(), "nothing in the log", "a line")?;
    site.stops()?;
    trial.refuses("STEPS", "25,5")?;
    trial.refuses("STEPS", "0,50")?;
    trial.refuses("STEP_ANSWERS", "0")?;
    trial.refuses_a_port_in_use("ADMIN_PORT")
}

pub(crate) fn a_deploy_gets_the_share_that_was_asked_for(trial: &Trial) -> Kept {
    for (share, workers) in [(10, 1), (30, 2), (100, 4)] {
        fresh(trial);
        gets_its_share(trial, share, workers)
            .map_err(|broken| broken.during(&format!("with STEPS={share}")))?;
    }
    fresh(trial);
    each_share_begins_anew(trial).map_err(|broken| broken.during("with STEPS=25,30"))
}

/// Twelve answers end the first step. Only one worker got requests, so a program may count for each worker or
/// for all of them.
fn each_share_begins_anew(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25,30"), ("STEP_ANSWERS", "12")])?;
    site.deploy_to(NEW, 25)?;
    in_turn(trial, &site.ask_many(0, 48)?, 25)?;
    site.has_share(30)?;
    let mut answers = Vec::new();
    for _ in 0..9 {
        // A request with a name is not counted.
        site.ask_on(0, Some("anna"))?;
        answers.push(site.ask_on(0, None)?);
    }
    in_turn(trial, &answers, 30)?;
    site.stops()
}

/// Of the first n requests floor(n x share / 100) are the candidate's, for each n.
fn in_turn(trial: &Trial, answers: &[Got], share: usize) -> Kept {
    let wanted = (1..=answers.len()).filter(|n| n * share / 100 > (n - 1) * share / 100);
    let wanted: Vec<usize> = wanted.collect();
    let got = answers.iter().zip(1..).filter(|(got, _)| got.is_new()).map(|(_, n)| n);
    let got: Vec<usize> = got.collect();
    let expected = format!("at {share} % the requests {wanted:?} for {NEW}, and no others");
    trial.expect(got == wanted, expected, format!("{got:?} of {NEW}"))
}

/// Of requests one after the other on one connection, and of connections with one request each.
fn gets_its_share(trial: &Trial, share: usize, workers: usize) -> Kept {
    let site = Site::start(trial, &[("STEPS", &share.to_string()), ENDLESS])?;
    let before = site.ask_many(0, 20)?;
    site.are_all(&before, OLD)?;
    site.deploy_to(NEW, share as u64)?;
    let there = site.has_children(WORKERS + workers)?;
    let of_old = |pid: u32| site.first.contains(&pid);
    let mut candidates = BTreeSet::new();
    for line in 0..WORKERS {
        let answers = site.ask_many(line, 100)?;
        let got = answers.iter().filter(|got| got.version == NEW).count();
        let expected = format!("{share} of 100 requests on one connection, or one off");
        trial.expect(got.abs_diff(share) <= 1, expected, format!("{got} of {NEW}"))?;
        in_turn(trial, &answers, share)?;
        for got in &answers {
            let is_so = got.status == 200
                && there.contains(&got.pid)
                && of_old(got.pid) == (got.version == OLD);
            let expected = "each answer is that of a worker which runs this version";
            trial.expect(is_so, expected, format!("{got:?}"))?;
        }
        candidates.extend(answers.iter().filter(|got| got.is_new()).map(|got| got.pid));
    }
    let observed = format!("{} of them", candidates.len());
    trial.expect(
        candidates.len() == workers,
        format!("{workers} workers of {NEW} answer"),
        observed,
    )?;
    let answers: Vec<_> = (0..100).map(|_| site.ask_anew(None)).collect::<Kept<_>>()?;
    let got = answers.iter().filter(|got| got.version == NEW).count();
    let expected = format!("{share} of 100 new connections, or {WORKERS} off");
    trial.expect(got.abs_diff(share) <= WORKERS, expected, shown(&answers))?;
    // Nothing is decided yet, so nothing else has happened.
    let now = children(&site.cluster);
    trial.expect(now == there, "the same workers as before", format!("{} workers", now.len()))?;
    site.log_is(1, &["accepted"])?;
    site.cluster.signal(harness::Signal::SIGKILL);
    site.cluster.wait_gone(PROMPT)
}
