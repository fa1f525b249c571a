//! Workers that die, and workers that the primary must kill.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{Kept, Signal, Trial, who::meet};

use crate::{
    aftermath, boundaries, deaths_on_the_way_back,
    scene::{self, AT_ONCE, ask_for_the_next, settled},
    streaks,
};

/// A stopped process does not hear that it should drain, and would not hear SIGTERM either. Another
/// one holds a request for longer than a drain may take, and for less than the default of 10 s.
pub(crate) fn an_old_worker_that_does_not_drain_is_killed(trial: &Trial) -> Kept {
    let cluster = trial.start(&[AT_ONCE, ("DRAIN_TIMEOUT_MS", "500")])?;
    let before = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (busy, kept) = meet(trial, &cluster, "/")?;
    let held = cluster.get_on(kept, "/slow?ms=8000").in_flight()?;
    let stopped = before.iter().find(|pid| **pid != busy.pid).copied().unwrap_or_default();
    cluster.signal_process(stopped, Signal::SIGSTOP)?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.1.0", &before).map_err(|broken| {
        broken.advice(format!(
            "The old worker with pid {stopped} is stopped and hears nothing. What ends it?"
        ))
    })?;
    let is_cut = held.outcome()?.is_err();
    let expected = "a request of 8 s is cut off, with DRAIN_TIMEOUT_MS=500";
    trial.expect(is_cut, expected, "it is answered in full")
}

pub(crate) fn a_worker_that_keeps_dying_is_restarted_with_growing_delays(trial: &Trial) -> Kept {
    the_delays_grow(trial)?;
    streaks::a_delay_is_for_one_slot_alone(trial)?;
    streaks::a_late_start_is_a_death(trial)
        .map_err(|broken| broken.during("with FAULTS=1.0.0/2:never-ready, and no roll"))?;
    streaks::a_streak_ends_and_a_delay_has_a_limit(trial)?;
    deaths_on_the_way_back::have_their_delays(trial)
        .map_err(|broken| broken.during("a worker of 1.0.0 dies on the way back from 1.1.0"))?;
    aftermath::a_roll_does_not_count_as_a_death(trial)?;
    aftermath::a_moment_does_not_end_a_streak(trial)
        .map_err(|broken| broken.during("a replacement is killed as soon as it answers"))?;
    boundaries::a_long_streak_ends_nothing(trial)
}

/// Kills each replacement as soon as it is there; its predecessor's death and its own start are seen
/// from outside.
fn the_delays_grow(trial: &Trial) -> Kept {
    const DEATHS: usize = 4;
    // Long enough to be told from the noise of a busy machine.
    let delay = Duration::from_millis(300);
    let cluster = trial.start(&[AT_ONCE, ("RESTART_DELAY_MS", "300")])?;
    let mut others = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = others.keys().copied().collect();
    let mut victim = known.last().copied().unwrap_or_default();
    others.remove(&victim);
    let mut gaps = Vec::new();
    for _ in 0..DEATHS {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        let died = Instant::now();
        victim = scene::new_worker(trial, &cluster, &known)?;
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

/// From the second death on the delay doubles, or is half of that with jitter. A busy machine makes
/// any gap longer, so only what is too short counts.
fn grow(trial: &Trial, gaps: &[Duration], delay: Duration) -> Kept {
    let said: Vec<_> = gaps.iter().map(|gap| format!("{:.1} s", gap.as_secs_f64())).collect();
    let said = format!("started again after {}", said.join(", then "));
    trial.recorder.observe(said.clone());
    let least = (0..gaps.len()).map(|nth| match nth {
        0 => Duration::ZERO,
        _ => delay * (1 << (nth - 1)) / 2,
    });
    let has_grown = gaps.iter().zip(least).all(|(gap, least)| *gap >= least);
    let expected = "delays that grow: 0, 0.3, 0.6, 1.2 s with RESTART_DELAY_MS=300, or half of it";
    trial.expect(has_grown, expected, said)
}
