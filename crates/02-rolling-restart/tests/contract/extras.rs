//! Beyond what the exercise asks for.

use std::{collections::BTreeSet, fmt::Debug, ops::RangeBounds, time::Instant};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, whole},
};
use serde_json::Value;

use crate::{
    aftermath, hangups,
    pace::{self, millis},
    rolls::under_load,
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled},
};

/// In one slot the version is never ready. `READY_TIMEOUT_MS` is two minutes, longer than the
/// check.
pub(crate) fn a_roll_that_takes_too_long_is_given_up(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0/3:never-ready");
    let limit = ("ROLL_TIMEOUT_MS", "2000");
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[1], faults, limit])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    under_load(trial, &cluster, || {
        ask_for_the_next(&cluster);
        let new = scene::new_worker(trial, &cluster, &first)?;
        let seconds = patience(PROMPT).as_secs();
        let is_gone = || (!processes::is_alive(new)).then_some(());
        let observed = format!("pid {new} of 1.1.0 is still there after {seconds} s");
        let expected = "a roll that is given up after ROLL_TIMEOUT_MS=2000";
        trial.expect(processes::until(patience(PROMPT), is_gone).is_some(), expected, observed)?;
        settled(trial, &cluster, "1.0.0", &BTreeSet::new())
            .map(|_| ())
            .map_err(|broken| broken.during("with ROLL_TIMEOUT_MS=2000"))
    })?;
    aftermath::progress_does_not_wind_the_clock(trial)
}

pub(crate) fn get_roll_says_how_the_last_roll_went(trial: &Trial) -> Kept {
    the_last_one_is_told(trial)?;
    each_phase_is_told(trial)?;
    a_roll_back_that_failed_is_told(trial)
}

fn the_last_one_is_told(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:slow-start:300,1.2.0:crash-at-start");
    let cluster = trial.start(&[AT_ONCE, faults, ("DRAIN_TIMEOUT_MS", "500")])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let too_long = cluster.get("/slow?ms=60000")?.in_flight()?;
    let asked = Instant::now();
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.1.0", &first)?;
    let roll = finished(trial, &cluster, 1)?;
    let took = asked.elapsed().as_millis();
    expect_last(trial, &roll, "1.1.0", "rolled-out")?;
    let workers = roll["last"]["workers"].as_array().cloned().unwrap_or_default();
    let slots: BTreeSet<u64> = workers.iter().filter_map(|w| w["worker"].as_u64()).collect();
    let times = || workers.iter().filter_map(|w| w["millis"].as_u64()).map(u128::from);
    let is_true = slots.len() == WORKERS
        && times().count() == WORKERS
        && times().all(|millis| 300 <= millis && millis <= took);
    let expected = format!("four workers, each with the milliseconds it took, of {took} in all");
    trial.expect(is_true, expected, format!("{}", roll["last"]["workers"]))?;
    trial.expect(too_long.outcome()?.is_err(), "a request that is cut off", "it is answered")?;
    expect_cut(trial, &roll, 1..)?;
    ask_for_the_next(&cluster);
    let roll = finished(trial, &cluster, 2)?;
    expect_last(trial, &roll, "1.2.0", "rolled-back")?;
    expect_cut(trial, &roll, ..1)?;
    let reason = roll["last"]["reason"].as_str().unwrap_or_default();
    trial.expect(!reason.is_empty(), "a reason why it was rolled back", "none is given")?;
    let version = roll["version"].as_str().unwrap_or_default();
    trial.expect(version == "1.1.0", "version 1.1.0 again", format!("version {version}"))
}

/// In its middle the roll waits for a worker that is never ready; on its way back, for a request.
fn each_phase_is_told(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0/2:never-ready,1.1.0/3:never-ready");
    let cluster = trial.start(&[AT_ONCE, faults, NO_HURRY[0], NO_HURRY[1]])?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let asked = Instant::now();
    ask_for_the_next(&cluster);
    told(trial, &cluster, "phase rolling, version 1.1.0", |roll| {
        roll["phase"] == "rolling" && roll["version"] == "1.1.0"
    })?;
    let (_, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let held = cluster.get_on(kept, &scene::slow(2000)).in_flight()?;
    cluster.signal(Signal::SIGHUP);
    told(trial, &cluster, "phase rolling-back, version 1.0.0", |roll| {
        roll["phase"] == "rolling-back" && roll["version"] == "1.0.0"
    })?;
    // A SIGUSR2 on the way back asks for one more roll after this one.
    ask_for_the_next(&cluster);
    whole(trial, held)?;
    let roll = finished(trial, &cluster, 2)?;
    expect_last(trial, &roll, "1.2.0", "rolled-out")?;
    let (said, most) = (&roll["last"]["millis"], asked.elapsed().as_millis());
    let is_true = said.as_u64().is_some_and(|said| (1..=most).contains(&u128::from(said)));
    trial.expect(is_true, format!("the last roll took less than {most} ms"), format!("{said} ms"))
}

fn a_roll_back_that_failed_is_told(trial: &Trial) -> Kept {
    let (cluster, old) = hangups::rolled_once(trial)?;
    hangups::fails(trial, &cluster, &old, Signal::SIGKILL)?;
    let roll = finished(trial, &cluster, 2)?;
    expect_last(trial, &roll, "1.0.0", "rolled-back")?;
    let reason = roll["last"]["reason"].as_str().unwrap_or_default();
    trial.expect(!reason.is_empty(), "a reason why it was given up", "none is given")?;
    let version = roll["version"].as_str().unwrap_or_default();
    trial.expect(version == "1.1.0", "version 1.1.0 again", format!("version {version}"))
}

/// Waits until `rolls` rolls have ended, and returns what `GET /roll` says.
fn finished(trial: &Trial, cluster: &Cluster, rolls: u64) -> Kept<Value> {
    told(trial, cluster, &format!("phase steady, and {rolls} finished"), |roll| {
        roll["finished"] == rolls && roll["phase"] == "steady"
    })
}

/// Waits until `GET /roll` says this, and returns it.
fn told(
    trial: &Trial,
    cluster: &Cluster,
    expected: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Kept<Value> {
    let mut last = Value::Null;
    let is_told = processes::until(patience(PROMPT), || {
        let (status, roll) = harness::client::ask(cluster.address, "/roll").ok()?;
        last = roll;
        (status == 200 && is_it(&last)).then_some(())
    });
    trial.recorder.observe(format!("GET /roll: {last}"));
    let observed = format!(
        "phase {}, version {}, and {} finished",
        last["phase"], last["version"], last["finished"]
    );
    trial.expect(is_told.is_some(), format!("GET /roll: {expected}"), observed)?;
    Ok(last)
}

fn expect_last(trial: &Trial, roll: &Value, to: &str, outcome: &str) -> Kept {
    let last = &roll["last"];
    let expected = format!("the last roll was to {to}, and {outcome}");
    let observed = format!("it was to {}, and {}", last["to"], last["outcome"]);
    trial.expect(last["to"] == to && last["outcome"] == outcome, expected, observed)
}

/// A worker that is killed while it drains counts beside the connection that it has cut.
fn expect_cut(trial: &Trial, roll: &Value, cut: impl RangeBounds<u64> + Debug) -> Kept {
    let said = &roll["last"]["cut"];
    let is_it = said.as_u64().is_some_and(|said| cut.contains(&said));
    trial.expect(is_it, format!("{cut:?} cut off in that roll"), format!("cut: {said}"))
}

pub(crate) fn sighup_rolls_back_to_the_version_before(trial: &Trial) -> Kept {
    after_a_roll_and_during_one(trial)?;
    past_a_roll_that_failed(trial)?;
    hangups::on_the_way_back(trial)?;
    hangups::after_a_roll_that_was_called_off(trial)?;
    hangups::to_a_version_that_fails(trial)
}

/// Before the first roll SIGHUP changes nothing. After a roll that failed it leads to the version
/// before the last good roll.
fn past_a_roll_that_failed(trial: &Trial) -> Kept {
    let timeout = millis(pace::ready_timeout(trial)?);
    let faults = ("FAULTS", "1.2.0:never-ready");
    let cluster = trial.start(&[AT_ONCE, faults, ("READY_TIMEOUT_MS", &timeout)])?;
    let known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    cluster.signal(Signal::SIGHUP);
    scene::signals_are_heard(&cluster);
    ask_for_the_next(&cluster);
    let known = settled(trial, &cluster, "1.1.0", &known)
        .map_err(|broken| broken.during("SIGHUP before the first roll"))?;
    ask_for_the_next(&cluster);
    let failed = scene::new_worker(trial, &cluster, &known)?;
    hangups::is_gone(trial, failed, "a worker of 1.2.0 that is not ready in time is ended")?;
    settled(trial, &cluster, "1.1.0", &BTreeSet::new())?;
    scene::signals_are_heard(&cluster);
    cluster.signal(Signal::SIGHUP);
    settled(trial, &cluster, "1.0.0", &known)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGHUP after a good roll to 1.1.0 and a bad one"))
}

fn after_a_roll_and_during_one(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.3.0/2:never-ready,1.3.0/3:never-ready");
    let cluster = trial.start(&[AT_ONCE, faults, NO_HURRY[1]])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    for version in ["1.1.0", "1.2.0"] {
        ask_for_the_next(&cluster);
        known.extend(settled(trial, &cluster, version, &known)?);
    }
    under_load(trial, &cluster, || {
        cluster.signal(Signal::SIGHUP);
        let before = settled(trial, &cluster, "1.1.0", &known)?;
        // In the middle: one slot runs 1.3.0, and another one would wait for it forever.
        ask_for_the_next(&cluster);
        scene::first_answer(trial, &cluster, "1.3.0")?;
        let are_two = || (children(&cluster).difference(&before).count() == 2).then_some(());
        let waits = processes::until(patience(PROMPT), are_two);
        trial.expect(waits.is_some(), "a second worker of 1.3.0", "there is none")?;
        cluster.signal(Signal::SIGHUP);
        settled(trial, &cluster, "1.1.0", &known)
            .map(|_| ())
            .map_err(|broken| broken.during("SIGHUP during a roll from 1.1.0 to 1.3.0"))
    })
}

/// The worker dies soon after it was ready: by then a roll that relies on it has drained an old
/// one.
pub(crate) fn a_version_that_dies_right_after_it_was_ready_is_given_up(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:crash-after-ready:400");
    let cluster = trial.start(&[faults, ("MIN_READY_MS", "3000")])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    scene::new_worker(trial, &cluster, &first)?;
    let last = settled(trial, &cluster, "1.0.0", &BTreeSet::new())
        .map_err(|broken| broken.during("with MIN_READY_MS=3000"))?;
    let replaced = first.difference(&last).count();
    let observed = format!("{replaced} old workers were replaced by it first");
    trial.expect(
        replaced == 0,
        "no old worker drains: each new worker dies within 3 s",
        observed,
    )?;
    // Four of 1.0.0 are there between two tries, too. Only a roll that ended lets the next one
    // begin.
    ask_for_the_next(&cluster);
    scene::first_answer(trial, &cluster, "1.2.0")
        .map(|_| ())
        .map_err(|broken| broken.during("SIGUSR2 after it, with MIN_READY_MS=3000"))
}
