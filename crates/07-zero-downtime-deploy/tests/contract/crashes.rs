//! Workers that die.

use std::time::Duration;

use harness::{Kept, Trial, who::children};

use crate::{
    scene::{ENDLESS, PROMPT, fault, fresh, millis, shown},
    site::{Got, NEW, OLD, Site, WORKERS},
};

pub(crate) fn a_crash_of_the_new_version_is_a_verdict(trial: &Trial) -> Kept {
    type Scene = fn(&Trial) -> Kept;
    let scenes: [(&str, Scene); 7] = [
        ("a candidate that crashes on its fifth answer", on_an_answer),
        ("a candidate that is killed while it is idle", while_it_is_idle),
        ("a candidate that is killed over a request", over_a_request),
        ("a candidate that never comes up", never_up),
        ("a version that crashes in slot 3, when it is promoted", when_it_is_promoted),
        ("a candidate that freezes, is told to drain, and must be killed", in_its_drain),
        ("an old worker that is killed", the_old_one),
    ];
    for (what, scene) in scenes {
        fresh(trial);
        scene(trial).map_err(|broken| broken.during(what))?;
    }
    Ok(())
}

/// The client whose request it was gets its answer from the old version.
fn on_an_answer(trial: &Trial) -> Kept {
    let faults = fault("crash-on:5");
    let site = Site::start(trial, &[("STEPS", "25"), ENDLESS, ("FAULTS", &faults)])?;
    let deploy = site.deploy_to(NEW, 25)?;
    let mut answers = Vec::new();
    site.asks_until_it_ends(deploy, "sent-back", |site| {
        answers.extend(site.ask_all(None)?);
        Ok(())
    })?;
    let new: Vec<Got> = answers.iter().filter(|got| got.is_new()).cloned().collect();
    trial.expect(new.len() == 4, "4 answers of the candidate, and no more", shown(&new))?;
    let bad = answers.iter().filter(|got| got.status != 200).count();
    trial.expect(bad == 0, "200 for each client", shown(&answers))?;
    site.log_is(deploy, &["accepted", "sent-back"])?;
    site.is_as_before()
}

fn while_it_is_idle(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "50"), ENDLESS])?;
    let deploy = site.deploy_to(NEW, 50)?;
    let there = site.has_children(WORKERS + 2)?;
    let Some(second) = there.difference(&site.first).last() else { return Ok(()) };
    site.kill(*second)?;
    site.ends(deploy, "sent-back")?;
    site.log_is(deploy, &["accepted", "sent-back"])?;
    site.is_as_before()
}

/// The candidate's own worker has done its work: its version is in every slot.
fn in_its_drain(trial: &Trial) -> Kept {
    let settings =
        [("STEPS", "25"), ("STEP_ANSWERS", "2"), ("KEEP_MS", "1500"), ("DRAIN_TIMEOUT_MS", "300")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    site.ask_many(0, 8)?;
    site.until("the last step has ended", |said| said["phase"] != "canary")?;
    site.freeze(candidate)?;
    site.ends(deploy, "promoted")?;
    site.log_is(deploy, &["accepted", "step", "promoted"])
}

/// One request has no byte of its answer, and another one has the head.
fn over_a_request(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25"), ENDLESS])?;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    let name = site.name_that_is_in()?;
    let begun = site.pends("/slow?ms=60000", &name)?.in_flight()?;
    site.freeze(candidate)?;
    let silent = site.pends("/", &name)?.sent()?;
    site.kill(candidate)?;
    let (got, _) = harness::who::whole(trial, silent)?;
    let expected = format!("the request without an answer is answered by {OLD}");
    trial.expect(got.version == OLD, expected, got.version)?;
    let cut = begun.outcome()?;
    let expected = "the client that has the head of an answer is cut off";
    trial.expect(cut.is_err(), expected, "its answer was whole")?;
    site.ends(deploy, "sent-back")?;
    site.is_as_before()
}

fn never_up(trial: &Trial) -> Kept {
    let limit = millis(Duration::from_millis(800));
    let faults = "1.1.0:crash-at-start,1.2.0:never-ready";
    let settings =
        [("STEPS", "25"), ENDLESS, ("READY_TIMEOUT_MS", limit.as_str()), ("FAULTS", faults)];
    let site = Site::start(trial, &settings)?;
    for version in [NEW, "1.2.0"] {
        let deploy = site.deploy(version)?;
        site.ends(deploy, "sent-back")?;
        site.log_is(deploy, &["accepted", "sent-back"])?;
        site.is_as_before()?;
    }
    Ok(())
}

/// Two slots run the new version already. They go back as well.
fn when_it_is_promoted(trial: &Trial) -> Kept {
    let settings = [("STEPS", "25"), ("STEP_ANSWERS", "4"), ("FAULTS", "1.1.0/3:crash-at-start")];
    let site = Site::start(trial, &settings)?;
    let deploy = site.deploy_to(NEW, 25)?;
    site.asks_until_it_ends(deploy, "sent-back", |site| site.ask_all(None).map(drop))?;
    let there = children(&site.cluster);
    let observed = format!("{} workers", there.len());
    trial.expect(there.len() == WORKERS, "four workers once the log says sent-back", observed)?;
    let answers = [site.ask_all(None)?, site.volley(24)?].concat();
    site.are_all(&answers, OLD)?;
    site.log_is(deploy, &["accepted", "step", "sent-back"])
}

/// It says nothing about the candidate, and the old version replaces it.
fn the_old_one(trial: &Trial) -> Kept {
    let site = Site::start(trial, &[("STEPS", "25"), ("STEP_ANSWERS", "40")])?;
    let deploy = site.deploy_to(NEW, 25)?;
    let candidate = site.candidate()?;
    for victim in &site.first {
        site.kill(*victim)?;
        let replaced = processes::until(harness::patience(PROMPT), || {
            let there = children(&site.cluster);
            (!there.contains(victim) && there.len() == WORKERS + 1).then_some(())
        });
        trial.expect(replaced.is_some(), "another worker for the one that was killed", "none")?;
    }
    let there = children(&site.cluster);
    trial.expect(there.contains(&candidate), "the candidate's worker as before", "it is gone")?;
    site.log_is(deploy, &["accepted"])?;
    let answers = [site.volley(16)?, site.ask_all(None)?, site.ask_many(1, 16)?].concat();
    let is_so = |got: &Got| got.status == 200 && (got.version == OLD) == (got.pid != candidate);
    let expected = format!("answers of {OLD} from the four, and of {NEW} from the candidate alone");
    trial.expect(answers.iter().all(is_so), expected, shown(&answers))?;
    let new = answers.iter().filter(|got| got.is_new()).count();
    trial.expect(new >= 2, "the candidate still has its share", shown(&answers))?;
    site.asks_until_it_ends(deploy, "promoted", |site| site.ask_all(None).map(drop)).map(drop)
}
