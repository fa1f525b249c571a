//! Versions that are slow, and versions that fail.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    Cluster, Kept, Trial, patience,
    who::{self, greet},
};

use crate::{
    aftermath, census,
    pace::{self, millis},
    rolls::under_load,
    scene::{self, AT_ONCE, PROMPT, WORKERS, ask_for_the_next, settled},
};

/// Each worker is ready well within the timeout, all of them together are not.
pub(crate) fn a_slow_version_delays_the_roll_and_nothing_else(trial: &Trial) -> Kept {
    // The timeout is longer than one start, and shorter than four.
    let start = pace::longer_than_a_start(trial, Duration::from_millis(1500))?;
    let slow = format!("1.1.0:slow-start:{}", millis(start / 2));
    let timeout = millis(start / 2 + start);
    let settings = [AT_ONCE, ("FAULTS", slow.as_str()), ("READY_TIMEOUT_MS", timeout.as_str())];
    let cluster = trial.start(&settings)?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (_, count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            settled(trial, &cluster, "1.1.0", &first).map_err(|broken| {
                broken.advice("READY_TIMEOUT_MS is each worker's, not that of the whole roll.")
            })
        })
    })?;
    count.expect(trial, WORKERS, WORKERS + 1)
}

pub(crate) fn a_version_that_does_not_come_up_is_given_up(trial: &Trial) -> Kept {
    a_version_that_is_never_ready(trial)?;
    a_version_that_dies_at_its_start(trial)?;
    what_was_rolled_goes_back(trial)?;
    the_fix_is_rolled_out(trial)
        .map_err(|broken| broken.during("with FAULTS=1.0.0/2:crash-at-start"))?;
    aftermath::a_death_after_a_failed_roll(trial)?;
    aftermath::a_start_that_is_killed(trial)
}

/// Deaths of the old version say nothing about the new one, which is the fix.
fn the_fix_is_rolled_out(trial: &Trial) -> Kept {
    let delays = [("RESTART_DELAY_MS", "100"), ("RESTART_DELAY_MAX_MS", "400")];
    let faults = ("FAULTS", "1.0.0/2:crash-at-start");
    let cluster = trial.start(&[AT_ONCE, faults, delays[0], delays[1]])?;
    let met = who::meet_all(trial, &cluster, "/", WORKERS - 1)?;
    let before: BTreeSet<u32> = met.keys().copied().collect();
    drop(met);
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.1.0", &before).map(|_| ()).map_err(|broken| {
        broken.advice(
            "1.1.0 can start where 1.0.0 can't. Which version does an empty slot get once a new \
             worker is ready, and what does the death of an old worker say about the new version?",
        )
    })
}

/// The worker is ended in time; and the next version, which was asked for meanwhile, is rolled out: it
/// may be the fix.
fn a_version_that_is_never_ready(trial: &Trial) -> Kept {
    const PART: &str = "with FAULTS=1.1.0:never-ready";
    let timeout = millis(pace::ready_timeout(trial)?);
    let settings = [AT_ONCE, ("FAULTS", "1.1.0:never-ready"), ("READY_TIMEOUT_MS", &*timeout)];
    let cluster = trial.start(&settings)?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (_, count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            let failed = scene::new_worker(trial, &cluster, &first)?;
            ask_for_the_next(&cluster);
            is_ended(trial, failed, &timeout)?;
            settled(trial, &cluster, "1.2.0", &first)
                .map_err(|broken| broken.during("SIGUSR2 during a roll that fails"))
        })
    })
    .map_err(|broken| broken.during(PART))?;
    // Four of these are 1.2.0.
    let started = count.seen.difference(&first).count().saturating_sub(WORKERS);
    is_left_alone(trial, started, PART)
}

fn is_ended(trial: &Trial, failed: u32, timeout: &str) -> Kept {
    let limit = pace::ready_timeout(trial)? + patience(PROMPT);
    let is_gone = || (!processes::is_alive(failed)).then_some(());
    let observed = format!("pid {failed} is still there after {} s", limit.as_secs());
    let expected = format!("a worker that is not ready in READY_TIMEOUT_MS={timeout} is ended");
    trial.expect(processes::until(limit, is_gone).is_some(), expected, observed)?;
    trial.recorder.observe(format!("pid {failed} is gone"));
    Ok(())
}

/// Such a start is too quick to be seen, so the check gives it time to do harm: five starts, with this
/// delay.
fn a_version_that_dies_at_its_start(trial: &Trial) -> Kept {
    const PART: &str = "with FAULTS=1.1.0:crash-at-start";
    let cluster =
        trial.start(&[AT_ONCE, ("FAULTS", "1.1.0:crash-at-start"), ("RESTART_DELAY_MS", "50")])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (_, count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            only_1_0_0_answers(trial, &cluster)?;
            settled(trial, &cluster, "1.0.0", &BTreeSet::new())
        })
    })
    .map_err(|broken| broken.during(PART))?;
    is_left_alone(trial, count.seen.difference(&first).count(), PART)?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.2.0", &first)
        .map(|_| ())
        .map_err(|broken| broken.during(&format!("the next roll, {PART}")))
}

fn only_1_0_0_answers(trial: &Trial, cluster: &Cluster) -> Kept {
    let mut stray = None;
    processes::until(patience(Duration::from_millis(500)), || {
        stray = greet(cluster, "/").into_iter().find(|(who, _)| who.version != "1.0.0");
        (stray.is_some() || !cluster.is_running()).then_some(())
    });
    stray.map_or(Ok(()), |(who, _)| {
        let observed = format!("an answer from {} (pid {})", who.version, who.pid);
        Err(trial.broken("1.0.0 goes on serving", observed))
    })
}

fn is_left_alone(trial: &Trial, started: usize, part: &str) -> Kept {
    let observed = format!("{started} new processes were seen until it was given up");
    let question = "A version that fails does not get better by trying. When does a roll end?";
    trial
        .expect(started <= 3, "at most 3 starts for a version that fails", observed)
        .map_err(|broken| broken.during(part).advice(question))
}

/// The version fails in a slot in the middle: whatever the order, another slot runs it by then.
fn what_was_rolled_goes_back(trial: &Trial) -> Kept {
    const FAULTS: &str = "1.1.0/2:never-ready,1.1.0/3:never-ready";
    let timeout = pace::ready_timeout(trial)?;
    // This request is still in flight when the timeout is over.
    let held = format!("/slow?ms={}", millis(timeout + patience(Duration::from_secs(1))));
    let timeout = millis(timeout);
    let cluster = trial.start(&[AT_ONCE, ("FAULTS", FAULTS), ("READY_TIMEOUT_MS", &timeout)])?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (_, count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            let (_, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
            let held = cluster.get_on(kept, &held).in_flight()?;
            settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
            harness::who::whole(trial, held)
                .map_err(|broken| broken.advice("On the way back a worker drains like any other."))
        })
    })
    .map_err(|broken| broken.during(&format!("with FAULTS={FAULTS}")))?;
    count.expect(trial, WORKERS, WORKERS + 1)
}
