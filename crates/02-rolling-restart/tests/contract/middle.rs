//! Deaths in the middle of a roll.
//!
//! `AT_ONCE` everywhere. Otherwise a worker that is killed young could count as never ready, and an old
//! one would drain so late that its death comes first.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, greet},
};

use crate::{
    aftermath, boundaries, missed, pace,
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled},
};

/// No check here sends a request on an idle connection, so a drain need not wait for one.
const BRIEF: (&str, &str) = ("LAME_DUCK_MS", "50");

pub(crate) fn a_worker_killed_in_the_middle_of_a_roll_is_replaced(trial: &Trial) -> Kept {
    one_not_yet_rolled(trial).map_err(|broken| broken.during("an old worker, not yet rolled"))?;
    while_the_old_one_drains(trial, false)
        .map_err(|broken| broken.during("the old worker, while it drains"))?;
    while_the_old_one_drains(trial, true)
        .map_err(|broken| broken.during("the new worker, while the old one drains"))?;
    before_the_old_one_drains(trial)
        .map_err(|broken| broken.during("the new worker, as soon as it is ready"))?;
    beside_its_successor(trial)
        .map_err(|broken| broken.during("an old worker whose successor is starting"))?;
    after_a_roll(trial).map_err(|broken| broken.during("a worker of 1.1.0, after the roll"))?;
    missed::while_a_slot_is_empty(trial)
        .map_err(|broken| broken.during("while a slot is empty"))?;
    missed::while_a_slot_is_starting(trial)
        .map_err(|broken| broken.during("while a replacement is starting"))?;
    aftermath::the_only_new_worker_dies(trial)
        .map_err(|broken| broken.during("the only worker of 1.1.0"))?;
    boundaries::one_worker_alone_is_replaced(trial)
}

/// The roll waits for a new worker that is never ready. Meanwhile a worker dies, twice in the same slot:
/// a slot that has to wait a moment must not lose its place to the roll.
fn one_not_yet_rolled(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:never-ready");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, faults])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut there: BTreeSet<u32> = met.keys().copied().collect();
    // A program rolls its slots from one end or the other, so this roll does not wait in slot 2.
    let mut victim = scene::in_slot(&met, 2);
    ask_for_the_next(&cluster);
    let new = scene::new_worker(trial, &cluster, &there)?;
    for _ in 0..2 {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let before = there.clone();
        there = four_answer_again(trial, &cluster, victim)?;
        victim = there.difference(&before).next().copied().unwrap_or(victim);
    }
    let question = "An old worker has died. What does that say about the new version?";
    trial
        .expect(processes::is_alive(new), "a roll that goes on", "the new worker was ended")
        .map_err(|broken| broken.advice(question))
}

/// No worker of 1.1.0 is ever ready, in whichever of these slots the roll begins.
fn beside_its_successor(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:never-ready");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, faults])?;
    let met = scene::meet_all(trial, &cluster)?;
    let before: BTreeSet<u32> = met.keys().copied().collect();
    let victims = [1, 4].map(|slot| scene::in_slot(&met, slot));
    drop(met);
    ask_for_the_next(&cluster);
    scene::new_worker(trial, &cluster, &before)?;
    for victim in victims {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        four_answer_again(trial, &cluster, victim)?;
    }
    Ok(())
}

fn after_a_roll(trial: &Trial) -> Kept {
    let cluster = trial.start(&[AT_ONCE])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let there = settled(trial, &cluster, "1.1.0", &known)?;
    let victim = there.first().copied().unwrap_or_default();
    cluster.signal_process(victim, Signal::SIGKILL)?;
    known.insert(victim);
    settled(trial, &cluster, "1.1.0", &known).map(|_| ())
}

fn four_answer_again(trial: &Trial, cluster: &Cluster, victim: u32) -> Kept<BTreeSet<u32>> {
    let limit = patience(PROMPT);
    let mut answered = BTreeSet::new();
    processes::until(limit, || {
        let whole = greet(cluster, "/").into_iter().map(|(who, _)| who.pid);
        answered.extend(whole.filter(|pid| *pid != victim));
        (answered.len() >= WORKERS || !cluster.is_running()).then_some(())
    });
    let expected = "four workers that answer again";
    trial.expect(cluster.is_running(), expected, "the primary has ended")?;
    let (number, alive) = (answered.len(), children(cluster).len());
    let observed = format!("{number} answer, {} s later, and {alive} are alive", limit.as_secs());
    // A worker that is alive and does not answer has the version that is never ready.
    let question = if alive > WORKERS {
        "Which version did the empty slot get, or what took its place?"
    } else {
        "Does a roll that waits keep the primary from everything else?"
    };
    trial
        .expect(number == WORKERS, expected, observed)
        .map_err(|broken| broken.advice(question))?;
    Ok(answered)
}

/// Every old worker holds a request, so that the first one drains for a while: time to kill it, or
/// the new one in its place.
fn while_the_old_one_drains(trial: &Trial, kills_the_new_one: bool) -> Kept {
    // The requests take longer than the start of a successor.
    let start = pace::longer_than_a_start(trial, Duration::from_millis(1200))?;
    let start_millis = u64::try_from(start.as_millis()).unwrap_or(u64::MAX);
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, BRIEF])?;
    let mut idle = scene::meet_all(trial, &cluster)?;
    let held = scene::hold_all(trial, &cluster, start_millis)?;
    let before: BTreeSet<u32> = held.iter().map(|(who, _)| who.pid).collect();
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let (old, kept) = scene::predecessor(trial, &mut idle, &new)?;
    scene::it_drains(trial, old, kept)?;
    if kills_the_new_one {
        cluster.signal_process(new.pid, Signal::SIGKILL)?;
        return goes_on(trial, &cluster);
    }
    cluster.signal_process(old.pid, Signal::SIGKILL)?;
    settled(trial, &cluster, "1.1.0", &before).map(|_| ())
}

/// Here the old worker must still be there, so `MIN_READY_MS` is longer than the check needs. In a program
/// that ignores it the old worker drains sooner; the slot must be filled there, too.
fn before_the_old_one_drains(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], ("MIN_READY_MS", "400")])?;
    scene::meet_all(trial, &cluster)?;
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    cluster.signal_process(new.pid, Signal::SIGKILL)?;
    scene::settled_on_one_version(trial, &cluster)?;
    ask_for_the_next(&cluster);
    scene::first_answer(trial, &cluster, "1.2.0")
        .map(|_| ())
        .map_err(|broken| broken.during("SIGUSR2 after it"))
}

/// A program may take the death for bad luck, or for a bad version. But four workers of one version may
/// also be there for a moment in a roll that is stuck, so the next roll must come.
fn goes_on(trial: &Trial, cluster: &Cluster) -> Kept {
    let there = scene::settled_on_one_version(trial, cluster)?;
    ask_for_the_next(cluster);
    settled(trial, cluster, "1.2.0", &there)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGUSR2 after it"))
}
