//! Workers that die, or do not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{Cluster, Kept, Signal, Trial, patience, who::greet};

use crate::scene::{self, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled};

pub(crate) fn a_worker_killed_in_the_middle_of_a_roll_is_made_good(trial: &Trial) -> Kept {
    one_not_yet_rolled(trial).map_err(|broken| broken.during("an old one, not yet rolled"))?;
    while_the_old_one_drains(trial, false).map_err(|broken| broken.during("the old one"))?;
    while_the_old_one_drains(trial, true).map_err(|broken| broken.during("the new one"))
}

/// The roll waits for a new worker that is never ready. Meanwhile a death is a death: twice in the
/// same slot, because a slot that has to wait a moment must not lose its place to the roll.
fn one_not_yet_rolled(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], ("FAULTS", "1.1.0:never-ready")])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut there: BTreeSet<u32> = met.keys().copied().collect();
    // Slots are rolled from one end or from the other: the roll waits in neither of these.
    let second = met.values().find(|(who, _)| who.worker == 2);
    let mut victim = second.map_or(0, |(who, _)| who.pid);
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

fn four_answer_again(trial: &Trial, cluster: &Cluster, victim: u32) -> Kept<BTreeSet<u32>> {
    let limit = patience(PROMPT);
    let mut answered = BTreeSet::new();
    processes::until(limit, || {
        let whole = greet(cluster, "/", limit).into_iter().map(|(who, _)| who.pid);
        answered.extend(whole.filter(|pid| *pid != victim));
        (answered.len() >= WORKERS || !cluster.is_running()).then_some(())
    });
    let observed = format!("{} answer, {} s later", answered.len(), limit.as_secs());
    trial.expect(answered.len() == WORKERS, "four workers that answer again", observed).map_err(
        |broken| broken.advice("Does a roll that waits keep the primary from all else?"),
    )?;
    Ok(answered)
}

/// Every old worker holds a request, so that the first one drains for a while: time to kill it, or
/// the new one in its place.
fn while_the_old_one_drains(trial: &Trial, kills_the_new_one: bool) -> Kept {
    let cluster = trial.start(&NO_HURRY)?;
    let held = scene::hold_all(trial, &cluster, 1500)?;
    let before: BTreeSet<u32> = held.iter().map(|(who, _)| who.pid).collect();
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    if kills_the_new_one {
        cluster.signal_process(new.pid, Signal::SIGKILL)?;
        // It may be taken for bad luck, or for a bad version: both are good reasons.
        return scene::made_good(trial, &cluster).map(|_| ());
    }
    let old = held.iter().find(|(who, _)| who.worker == new.worker);
    let observed = format!("it says that it is worker {}", new.worker);
    trial.expect(old.is_some(), "a new worker in a slot of an old one", observed)?;
    let old = old.map_or(0, |(who, _)| who.pid);
    cluster.signal_process(old, Signal::SIGKILL)?;
    settled(trial, &cluster, "1.1.0", &before).map(|_| ())
}

/// A stopped process does not hear that it should drain, and would not hear SIGTERM either.
pub(crate) fn an_old_worker_that_does_not_drain_is_killed(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "500")])?;
    let before = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let stopped = before.first().copied().unwrap_or_default();
    cluster.signal_process(stopped, Signal::SIGSTOP)?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.1.0", &before).map(|_| ()).map_err(|broken| {
        broken.advice(format!(
            "The old worker with pid {stopped} is stopped and hears nothing. Who ends it?"
        ))
    })
}

/// Each replacement is killed as soon as it is there; its predecessor's death and its own birth are
/// seen from outside.
pub(crate) fn a_worker_that_keeps_dying_is_restarted_with_growing_delays(trial: &Trial) -> Kept {
    const DEATHS: usize = 5;
    // Long enough to be told from the noise of a busy machine.
    let delay = Duration::from_millis(400);
    let cluster = trial.start(&[("RESTART_DELAY_MS", "400")])?;
    let mut others = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = others.keys().copied().collect();
    let mut victim = known.last().copied().unwrap_or_default();
    others.remove(&victim);
    let mut gaps = Vec::new();
    for _ in 0..DEATHS {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let died = Instant::now();
        victim = scene::newcomer(trial, &cluster, &known)?;
        known.insert(victim);
        gaps.push(died.elapsed());
        for (who, kept) in others.values_mut() {
            let answer = kept.get("/").map(|answer| answer.status);
            let observed = format!("GET / to worker {}: {answer:?}", who.worker);
            trial.expect(answer == Ok(200), "the other workers go on serving", observed)?;
        }
    }
    grow(trial, &gaps, delay)?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new()).map(|_| ())
}

/// After the fifth death it should be eight times the delay, or half of that with jitter. Nothing
/// says how fast a busy machine starts a process, so only what is too short counts.
fn grow(trial: &Trial, gaps: &[Duration], delay: Duration) -> Kept {
    let said: Vec<_> = gaps.iter().map(|gap| format!("{:.1} s", gap.as_secs_f64())).collect();
    let said = format!("started again after {}", said.join(", then "));
    trial.recorder.observe(said.clone());
    let (shortest, last) = (gaps.iter().min(), gaps.last());
    let (shortest, last) =
        (shortest.copied().unwrap_or_default(), last.copied().unwrap_or_default());
    // Only the last delays are compared with early ones: a busy machine makes any gap longer.
    let early = gaps.get(1).copied().unwrap_or_default();
    let has_grown = last.saturating_sub(early) >= delay * 2 && last >= early.mul_f64(1.5);
    trial.expect(
        last >= delay * 3 && last >= shortest * 2 && has_grown,
        "delays that grow: 0, 0.4, 0.8, 1.6, 3.2 s with RESTART_DELAY_MS=400",
        said,
    )
}
