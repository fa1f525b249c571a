//! How far a roll may deviate from four ready workers.

use std::{collections::BTreeSet, time::Duration};

use harness::{Broken, Cluster, Kept, Trial, patience, who::children};

use crate::{
    census,
    scene::{self, AT_ONCE, Met, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, is_going, settled},
};

/// A version that is never ready.
const NEVER_READY: (&str, &str) = ("FAULTS", "1.1.0:never-ready");

/// How long the check watches a version that is never ready: longer than the usual fixed sleep.
const WATCH: Duration = Duration::from_millis(2300);

/// The same, shorter, where another part of the check finds a fixed sleep.
const LOOK: Duration = Duration::from_millis(800);

pub(crate) fn one_slot_at_a_time_and_ready_before_drain(trial: &Trial) -> Kept {
    no_worker_drains_before_a_new_one_is_ready(trial)?;
    // Whatever the order, one of these two slots comes after others that went well.
    if !not_even_in_slot(trial, 4)? {
        not_even_in_slot(trial, 1)?;
    }
    the_limits_hold(trial, 1, &[AT_ONCE])
}

/// The version is never ready, so no old worker may ever drain.
fn no_worker_drains_before_a_new_one_is_ready(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], NEVER_READY])?;
    let mut old = scene::meet_all(trial, &cluster)?;
    let before: BTreeSet<u32> = old.keys().copied().collect();
    let ((), count) = census::during(&cluster, || {
        ask_for_the_next(&cluster);
        scene::new_worker(trial, &cluster, &before)?;
        no_worker_drains(trial, &mut old)
    })?;
    count.expect(trial, WORKERS, WORKERS + 1)
}

/// Watches the old workers while a new one is there and not ready: they must not drain.
fn no_worker_drains(trial: &Trial, old: &mut Met) -> Kept {
    let mut lost = None;
    processes::until(patience(LOOK), || {
        lost = old.iter_mut().find_map(|(pid, (_, kept))| Some((*pid, is_going(kept)?)));
        lost.is_some().then_some(())
    });
    match lost {
        None => Ok(()),
        Some((pid, how)) => Err(not_yet(trial, pid, &how)),
    }
}

/// The version is never ready in `slot` alone. Returns whether all other slots were rolled before
/// it.
fn not_even_in_slot(trial: &Trial, slot: u32) -> Kept<bool> {
    let fault = format!("1.1.0/{slot}:never-ready");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, ("FAULTS", &fault)])?;
    let mut old = scene::meet_all(trial, &cluster)?;
    let before: BTreeSet<u32> = old.keys().copied().collect();
    let stays = old.iter().find(|(_, (who, _))| who.worker == slot).map(|(pid, _)| *pid);
    let found = stays.and_then(|pid| Some((pid, old.remove(&pid)?.1)));
    let Some((stays, mut kept)) = found else {
        return Err(trial.broken("workers 1 to 4", format!("no process is worker {slot}")));
    };
    drop(old);
    ask_for_the_next(&cluster);
    let mut how = None;
    let came_last = processes::until(patience(PROMPT), || {
        how = is_going(&mut kept);
        let there = children(&cluster);
        let left = there.intersection(&before).count();
        let waits = left == 1 && there.len() == WORKERS + 1;
        (how.is_some() || waits).then_some(())
    });
    if how.is_none() && came_last.is_some() {
        processes::until(patience(WATCH), || {
            how = is_going(&mut kept);
            how.is_some().then_some(())
        });
    }
    match how {
        Some(how) => Err(not_yet(trial, stays, &how).during(&format!("with FAULTS={fault}"))),
        None => Ok(came_last.is_some()),
    }
}

fn not_yet(trial: &Trial, pid: u32, how: &str) -> Broken {
    trial
        .broken(
            "four workers of 1.0.0 that go on serving: no worker of 1.1.0 is ready",
            format!("the old worker with pid {pid} {how}"),
        )
        .advice("Started is not ready. Which message says that a new worker can answer?")
}

/// Each old worker holds a request, so that its drain takes a while, and two at once would show.
fn the_limits_hold(trial: &Trial, surge: usize, settings: &[(&str, &str)]) -> Kept {
    let cluster = trial.start(settings)?;
    let held = scene::hold_all(trial, &cluster, 800)?;
    let before: BTreeSet<u32> = held.iter().map(|(who, _)| who.pid).collect();
    let (_, count) = census::during(&cluster, || {
        ask_for_the_next(&cluster);
        settled(trial, &cluster, "1.1.0", &before)
    })?;
    for (_, pending) in held {
        harness::who::whole(trial, pending)?;
    }
    count.expect(trial, WORKERS, WORKERS + surge)
}

pub(crate) fn with_a_surge_of_two_two_slots_are_rolled_at_a_time(trial: &Trial) -> Kept {
    let two = ("MAX_SURGE", "2");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], NEVER_READY, two])?;
    let mut old = scene::meet_all(trial, &cluster)?;
    ask_for_the_next(&cluster);
    let mut there = 0;
    processes::until(patience(PROMPT), || {
        there = children(&cluster).len();
        (there >= WORKERS + 2 || !cluster.is_running()).then_some(())
    });
    let expected = "two new workers at a time, with MAX_SURGE=2";
    let observed = format!("{} new at a time", there.saturating_sub(old.len()));
    trial.expect(there == WORKERS + 2, expected, observed)?;
    no_worker_drains(trial, &mut old).map_err(|broken| broken.during("with MAX_SURGE=2"))?;
    drop::<Cluster>(cluster);
    the_limits_hold(trial, 2, &[AT_ONCE, two])
}
