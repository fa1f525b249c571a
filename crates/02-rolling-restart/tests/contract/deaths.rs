//! Workers that die, or do not.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{greet, meet},
};

use crate::scene::{self, AT_ONCE, PROMPT, ask_for_the_next, settled};

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
            "The old worker with pid {stopped} is stopped and hears nothing. Who ends it?"
        ))
    })?;
    let is_cut = held.outcome()?.is_err();
    let expected = "a request of 8 s is cut off, with DRAIN_TIMEOUT_MS=500";
    trial.expect(is_cut, expected, "it is answered in full")
}

pub(crate) fn a_worker_that_keeps_dying_is_restarted_with_growing_delays(trial: &Trial) -> Kept {
    the_delays_grow(trial)?;
    a_delay_is_for_one_slot_alone(trial)
}

/// Each replacement is killed as soon as it is there; its predecessor's death and its own birth are
/// seen from outside.
fn the_delays_grow(trial: &Trial) -> Kept {
    const DEATHS: usize = 5;
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
    let expected =
        "delays that grow: 0, 0.3, 0.6, 1.2, 2.4 s with RESTART_DELAY_MS=300, or half of it";
    trial.expect(has_grown, expected, said)
}

/// The delay is so long that nobody waits for it. It is not for the first death of a slot, and
/// keeps the primary from nothing else.
fn a_delay_is_for_one_slot_alone(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1));
    let millis = wait.as_millis().to_string();
    let settings = [AT_ONCE, ("RESTART_DELAY_MS", &*millis), ("RESTART_DELAY_MAX_MS", &*millis)];
    let cluster = trial.start(&settings)?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let [first, second] = [1, 2].map(|slot| {
        let found = met.values().find(|(who, _)| who.worker == slot);
        found.map_or(0, |(who, _)| who.pid)
    });
    drop(met);
    let part = |text: &str| format!("with RESTART_DELAY_MS={millis}, after {text}");
    let again = replaced(trial, &cluster, &mut known, first, 1)
        .map_err(|broken| broken.during(&part("the first death in slot 1")))?;
    cluster.signal_process(again, Signal::SIGKILL)?;
    scene::is_reaped(trial, again)
        .and_then(|()| replaced(trial, &cluster, &mut known, second, 2))
        .map(|_| ())
        .map_err(|broken| {
            broken
                .during(&part("two deaths in slot 1 and the first in slot 2"))
                .advice("Whom does a delay concern, and what does the primary do meanwhile?")
        })
}

/// Kills `victim` and waits until somebody new answers as worker `slot`, long before a delay.
fn replaced(
    trial: &Trial,
    cluster: &Cluster,
    known: &mut BTreeSet<u32>,
    victim: u32,
    slot: u32,
) -> Kept<u32> {
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let limit = patience(PROMPT);
    let new = processes::until(limit, || {
        let mut answers = greet(cluster, "/", limit).into_iter().map(|(who, _)| who);
        answers.find(|who| who.worker == slot && !known.contains(&who.pid))
    });
    let Some(new) = new else {
        let observed = format!("nobody new answers as worker {slot} within {} s", limit.as_secs());
        return Err(trial.broken(format!("another worker {slot} at once"), observed));
    };
    trial.recorder.observe(format!("worker {slot} answers again (pid {})", new.pid));
    known.insert(new.pid);
    Ok(new.pid)
}
