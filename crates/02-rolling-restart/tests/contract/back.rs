//! The way back from a roll that failed, which is a roll as well.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::{
    Cluster, Kept, Trial,
    exchange::Pending,
    patience,
    who::{children, greet, whole},
    wire::Connection,
};

use crate::{
    census,
    pace::{self, millis},
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, is_going, settled},
};

pub(crate) fn the_way_back_is_a_roll_to_the_last_good_version(trial: &Trial) -> Kept {
    past_a_good_one(trial)?;
    past_a_bad_one(trial)?;
    // Whatever the order, one of these two slots comes after others that went well.
    if !within_the_limits(trial, 4)? {
        within_the_limits(trial, 1)?;
    }
    Ok(())
}

/// 1.1.0 was good. 1.2.0 and 1.3.0 die at their start in the middle, when one slot runs them already;
/// what drains is held up by requests, so that it can be seen.
fn past_a_good_one(trial: &Trial) -> Kept {
    const FAULTS: &str = "1.2.0/2:crash-at-start,1.2.0/3:crash-at-start,\
                          1.3.0/2:crash-at-start,1.3.0/3:crash-at-start";
    let duck = patience(Duration::from_secs(2)).as_millis().to_string();
    let duck = ("LAME_DUCK_MS", duck.as_str());
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[0], duck, ("FAULTS", FAULTS)])?;
    let known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.1.0", &known)?;
    let held = fails_in_the_middle(trial, &cluster, "1.2.0")?;
    settled(trial, &cluster, "1.1.0", &known)
        .map_err(|broken| broken.during("1.2.0 has failed, after a good roll to 1.1.0"))?;
    whole(trial, held)?;
    let held = fails_in_the_middle(trial, &cluster, "1.3.0")?;
    ask_for_the_next(&cluster);
    whole(trial, held)?;
    settled(trial, &cluster, "1.4.0", &known)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGUSR2 on the way back from 1.3.0"))
}

/// Rolls to `version`, which fails when one slot runs it. A request in that slot delays the way back.
fn fails_in_the_middle(trial: &Trial, cluster: &Cluster, version: &str) -> Kept<Pending> {
    let old = scene::hold_all(trial, cluster, 500)?;
    ask_for_the_next(cluster);
    let (_, kept) = scene::first_answer(trial, cluster, version)?;
    let held = cluster.get_on(kept, &scene::slow(1300)).in_flight()?;
    for (_, pending) in old {
        whole(trial, pending)?;
    }
    // By then the next slot was tried.
    processes::until(patience(Duration::from_millis(200)), || held.is_over().then_some(()));
    Ok(held)
}

/// 1.1.0 has failed, too, so the way back from 1.2.0 is the one to 1.0.0.
fn past_a_bad_one(trial: &Trial) -> Kept {
    const FAULTS: &str = "1.1.0:crash-at-start,1.2.0/2:crash-at-start,1.2.0/3:crash-at-start";
    let duck = patience(Duration::from_secs(2)).as_millis().to_string();
    let duck = ("LAME_DUCK_MS", duck.as_str());
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[0], duck, ("FAULTS", FAULTS)])?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    // It fails, and is over, before a check could ask about it: a second SIGUSR2 is the next roll.
    ask_for_the_next(&cluster);
    scene::signals_are_heard(&cluster);
    let held = fails_in_the_middle(trial, &cluster, "1.2.0")?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())
        .map_err(|broken| broken.during("1.2.0 has failed, and 1.1.0 before it"))?;
    whole(trial, held).map(|_| ())
}

/// All slots but `slot` run 1.1.0 when it fails there: returns whether it was so.
fn within_the_limits(trial: &Trial, slot: u32) -> Kept<bool> {
    let start = patience(Duration::from_millis(700));
    let faults = format!("1.0.0:slow-start:{},1.1.0/{slot}:never-ready", start.as_millis());
    let timeout = millis(start + pace::longer_than_a_start(trial, Duration::from_millis(800))?);
    let cluster = trial.start(&[AT_ONCE, ("FAULTS", &faults), ("READY_TIMEOUT_MS", &timeout)])?;
    let before = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (came_last, count) = census::during(&cluster, || {
        ask_for_the_next(&cluster);
        let Some((failed, new)) = all_but_one(trial, &cluster, &before)? else {
            return Ok(false);
        };
        no_worker_drains_early(trial, failed, new, start.mul_f64(0.3))?;
        settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
        Ok(true)
    })
    .map_err(|broken| broken.during("on the way back from 1.1.0"))?;
    count
        .expect(trial, WORKERS, WORKERS + 1)
        .map_err(|broken| broken.during("on the way back from 1.1.0"))?;
    Ok(came_last)
}

/// Waits until one of the workers `before` is left. Returns the new worker beside it, and connections
/// to the other new ones; nothing when the first new one fails.
fn all_but_one(
    trial: &Trial,
    cluster: &Cluster,
    before: &BTreeSet<u32>,
) -> Kept<Option<(u32, BTreeMap<u32, Connection>)>> {
    let first = scene::new_worker(trial, cluster, before)?;
    let mut there = BTreeSet::new();
    processes::until(patience(PROMPT), || {
        there = children(cluster);
        let old = there.intersection(before).count();
        (!there.contains(&first) || (there.len() == WORKERS + 1 && old == 1)).then_some(())
    });
    if !there.contains(&first) {
        return Ok(None);
    }
    let mut new = BTreeMap::new();
    processes::until(patience(PROMPT), || {
        let answers = greet(cluster, "/").into_iter();
        new.extend(
            answers.filter(|(who, _)| who.version == "1.1.0").map(|(who, kept)| (who.pid, kept)),
        );
        (new.len() == WORKERS - 1).then_some(())
    });
    let failed = there.iter().find(|pid| !before.contains(pid) && !new.contains_key(pid));
    Ok(failed.map(|failed| (*failed, new)))
}

/// Watches from the end of `failed` on, until a worker of 1.0.0 can be ready.
fn no_worker_drains_early(
    trial: &Trial,
    failed: u32,
    mut new: BTreeMap<u32, Connection>,
    time: Duration,
) -> Kept {
    let is_gone = || (!processes::is_alive(failed)).then_some(());
    let observed = format!("pid {failed} is still there");
    let expected = "a worker that is not ready in time is ended";
    trial.expect(processes::until(patience(PROMPT), is_gone).is_some(), expected, observed)?;
    let mut lost = None;
    processes::until(time, || {
        lost = new.iter_mut().find_map(|(pid, kept)| Some((*pid, is_going(kept)?)));
        lost.is_some().then_some(())
    });
    lost.map_or(Ok(()), |(pid, how)| {
        let expected = "no worker drains before one of 1.0.0 is ready in its place";
        Err(trial
            .broken(expected, format!("the worker of 1.1.0 with pid {pid} {how}"))
            .advice("The way back is a roll as well, with the same limits."))
    })
}
