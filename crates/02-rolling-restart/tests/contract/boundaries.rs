//! Numbers at their boundaries: one worker alone, the tenth version, the fortieth death.

use std::collections::BTreeSet;

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{self, greet},
};

use crate::scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next};

/// With `WORKERS=1` a roll needs its surge as much as with four.
pub(crate) fn one_worker_alone_is_rolled(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "1"), AT_ONCE])?;
    let mut known = BTreeSet::new();
    known.insert(another(trial, &cluster, &known, "1.0.0")?);
    ask_for_the_next(&cluster);
    another(trial, &cluster, &known, "1.1.0")
        .map(|_| ())
        .map_err(|broken| broken.during("with WORKERS=1"))
}

/// With `WORKERS=1` a crash leaves no worker at all for a moment.
pub(crate) fn one_worker_alone_is_replaced(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "1"), AT_ONCE])?;
    let victim = another(trial, &cluster, &BTreeSet::new(), "1.0.0")?;
    cluster.signal_process(victim, Signal::SIGKILL)?;
    another(trial, &cluster, &BTreeSet::from([victim]), "1.0.0")
        .map(|_| ())
        .map_err(|broken| broken.during("with WORKERS=1"))
}

/// After 1.9.0 comes 1.10.0. Each roll is over before the next SIGUSR2: another promise is about a
/// SIGUSR2 during a roll.
pub(crate) fn versions_are_numbers(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("WORKERS", "1"), AT_ONCE, ("LAME_DUCK_MS", "10")])?;
    let (mut old, _) = scene::first_answer(trial, &cluster, "1.0.0")?;
    for minor in 1..=11 {
        ask_for_the_next(&cluster);
        let (new, _) = scene::first_answer(trial, &cluster, &format!("1.{minor}.0"))
            .map_err(|broken| broken.during(&format!("SIGUSR2 number {minor}")))?;
        scene::is_reaped(trial, old.pid)?;
        scene::signals_are_heard(&cluster);
        old = new;
    }
    Ok(())
}

/// A delay that doubles forty times is not shorter than the longest one, and ends no primary.
pub(crate) fn a_long_streak_ends_nothing(trial: &Trial) -> Kept {
    let delays = [("RESTART_DELAY_MS", "1"), ("RESTART_DELAY_MAX_MS", "1")];
    let cluster = trial.start(&[
        AT_ONCE,
        NO_HURRY[1],
        ("FAULTS", "1.0.0/2:never-ready"),
        delays[0],
        delays[1],
    ])?;
    let met = who::meet_all(trial, &cluster, "/", WORKERS - 1)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    for deaths in 0..=40 {
        let victim = scene::new_worker(trial, &cluster, &known)
            .map_err(|broken| broken.during(&format!("after {deaths} deaths in slot 2")))?;
        known.insert(victim);
        cluster.signal_process(victim, Signal::SIGKILL)?;
    }
    Ok(())
}

/// Waits until a process that is not `known` answers as `version`.
pub(crate) fn another(
    trial: &Trial,
    cluster: &Cluster,
    known: &BTreeSet<u32>,
    version: &str,
) -> Kept<u32> {
    let limit = patience(PROMPT);
    let found = processes::until(limit, || {
        let mut answers = greet(cluster, "/").into_iter().map(|(who, _)| who);
        answers.find(|who| who.version == version && !known.contains(&who.pid))
    });
    let observed = if cluster.is_running() { "none" } else { "the primary has ended" };
    found
        .map(|who| who.pid)
        .ok_or_else(|| trial.broken(format!("another worker of {version}"), observed))
}
