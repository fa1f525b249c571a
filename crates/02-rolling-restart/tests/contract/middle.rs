//! Deaths in the middle of a roll.
//!
//! `AT_ONCE` everywhere: a worker that was killed young could otherwise be taken for one that never
//! was ready, and an old one would drain so late that its death comes before that.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, greet},
};

use crate::scene::{self, AT_ONCE, Met, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled};

/// Nobody here counts requests on idle connections, so a drain need not wait for them.
const BRIEF: (&str, &str) = ("LAME_DUCK_MS", "50");

/// How long a roll is watched that could take somebody away who is missed.
const WATCH: Duration = Duration::from_millis(500);

/// How long it takes to start a process at once, generously.
const GRACE: Duration = Duration::from_millis(300);

pub(crate) fn a_worker_killed_in_the_middle_of_a_roll_is_made_good(trial: &Trial) -> Kept {
    one_not_yet_rolled(trial).map_err(|broken| broken.during("an old one, not yet rolled"))?;
    while_the_old_one_drains(trial, false).map_err(|broken| broken.during("the old one"))?;
    while_the_old_one_drains(trial, true).map_err(|broken| broken.during("the new one"))?;
    before_the_old_one_drains(trial).map_err(|broken| broken.during("the new one, at once"))?;
    one_that_is_missed_stays(trial).map_err(|broken| broken.during("while a slot is empty"))
}

/// The roll waits for a new worker that is never ready. Meanwhile a death is a death: twice in the
/// same slot, because a slot that has to wait a moment must not lose its place to the roll.
fn one_not_yet_rolled(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:never-ready");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, faults])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut there: BTreeSet<u32> = met.keys().copied().collect();
    let mut victim = in_slot_two(&met);
    ask_for_the_next(&cluster);
    scene::newcomer(trial, &cluster, &there)?;
    for _ in 0..2 {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let before = there.clone();
        there = four_answer_again(trial, &cluster, victim)?;
        victim = there.difference(&before).next().copied().unwrap_or(victim);
    }
    Ok(())
}

/// Slots are rolled from one end or from the other: a roll that waits does not wait in this one.
fn in_slot_two(met: &Met) -> u32 {
    met.values().find(|(who, _)| who.worker == 2).map_or(0, |(who, _)| who.pid)
}

fn four_answer_again(trial: &Trial, cluster: &Cluster, victim: u32) -> Kept<BTreeSet<u32>> {
    let limit = patience(PROMPT);
    let mut answered = BTreeSet::new();
    processes::until(limit, || {
        let whole = greet(cluster, "/", limit).into_iter().map(|(who, _)| who.pid);
        answered.extend(whole.filter(|pid| *pid != victim));
        (answered.len() >= WORKERS || !cluster.is_running()).then_some(())
    });
    let expected = "four workers that answer again";
    trial.expect(cluster.is_running(), expected, "the primary has ended")?;
    let (number, alive) = (answered.len(), children(cluster).len());
    let observed = format!("{number} answer, {} s later, and {alive} are alive", limit.as_secs());
    // Whoever is alive and does not answer has the version that is never ready.
    let question = if alive > WORKERS {
        "Which version did the empty slot get, or who took its place?"
    } else {
        "Does a roll that waits keep the primary from all else?"
    };
    trial
        .expect(number == WORKERS, expected, observed)
        .map_err(|broken| broken.advice(question))?;
    Ok(answered)
}

/// Every old worker holds a request, so that the first one drains for a while: time to kill it, or
/// the new one in its place.
fn while_the_old_one_drains(trial: &Trial, kills_the_new_one: bool) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, BRIEF])?;
    let mut idle = scene::meet_all(trial, &cluster)?;
    let held = scene::hold_all(trial, &cluster, 1200)?;
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

/// Here the old one shall be there still, so the new one has to be ready for longer than we need.
/// A program that does not know `MIN_READY_MS` is told to go sooner; that is made good, too.
fn before_the_old_one_drains(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], ("MIN_READY_MS", "400")])?;
    scene::meet_all(trial, &cluster)?;
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    cluster.signal_process(new.pid, Signal::SIGKILL)?;
    scene::made_good(trial, &cluster)?;
    ask_for_the_next(&cluster);
    scene::first_answer(trial, &cluster, "1.2.0").map(|_| ())
}

/// The death may be taken for bad luck, or for a bad version: both are good reasons. But four of
/// one version may also be there for a moment, in a roll that is stuck: the next one must come.
fn goes_on(trial: &Trial, cluster: &Cluster) -> Kept {
    let there = scene::made_good(trial, cluster)?;
    ask_for_the_next(cluster);
    settled(trial, cluster, "1.2.0", &there)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGUSR2 after it"))
}

/// A new worker becomes ready while another slot is empty, and has to wait: four are ready, and the
/// roll can spare none of them. The new one is stopped meanwhile, so that it comes when we want.
fn one_that_is_missed_stays(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let waits = [("RESTART_DELAY_MS", &*wait), ("RESTART_DELAY_MAX_MS", &*wait)];
    // For as long as it takes us to stop it.
    let slow = format!("1.1.0:slow-start:{}", patience(Duration::from_secs(2)).as_millis());
    let faults = ("FAULTS", slow.as_str());
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, waits[0], waits[1], faults])?;
    let mut met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let mut victim = in_slot_two(&met);
    ask_for_the_next(&cluster);
    let new = scene::newcomer(trial, &cluster, &known)?;
    let starts = || processes::is_asleep(new).then_some(());
    let observed = format!("pid {new} never waits for anything");
    let is_starting = processes::until(patience(PROMPT), starts).is_some();
    trial.expect(is_starting, "a worker that takes 2 s to start", observed)?;
    cluster.signal_process(new, Signal::SIGSTOP)?;
    known.insert(new);
    cluster.signal_process(victim, Signal::SIGKILL)?;
    // Whoever lets the first death wait has an empty slot already: another promise judges that.
    let next = || stranger(&cluster, &known);
    if let Some(again) = processes::until(patience(Duration::from_secs(2)), next) {
        known.insert(again);
        cluster.signal_process(again, Signal::SIGKILL)?;
        victim = again;
    }
    scene::is_reaped(trial, victim)?;
    // Whoever fills the slot without a delay has four again, and may go on.
    if processes::until(patience(GRACE), || stranger(&cluster, &known)).is_some() {
        return Ok(());
    }
    cluster.signal_process(new, Signal::SIGCONT)?;
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let (old, kept) = scene::predecessor(trial, &mut met, &new)?;
    let how = processes::until(patience(WATCH), || scene::is_going(kept));
    let observed =
        format!("the old worker with pid {} {}", old.pid, how.clone().unwrap_or_default());
    let expected = "four workers that are ready: a roll takes nobody away who is missed";
    trial
        .expect(how.is_none(), expected, observed)
        .map_err(|broken| broken.advice("How many are ready, and how many would be left?"))
}

/// A worker that is not among those that are `known`.
fn stranger(cluster: &Cluster, known: &BTreeSet<u32>) -> Option<u32> {
    children(cluster).difference(known).next().copied()
}
