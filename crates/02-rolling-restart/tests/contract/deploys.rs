//! Versions that are slow, and versions that fail.

use std::{collections::BTreeSet, time::Duration};

use harness::{Cluster, Kept, Trial, patience, who::greet};

use crate::{
    census,
    rolls::under_load,
    scene::{self, PROMPT, WORKERS, ask_for_the_next, settled},
};

/// Each worker is ready well within the timeout, all of them together are not.
pub(crate) fn a_slow_version_delays_the_roll_and_nothing_else(trial: &Trial) -> Kept {
    let slow = ("FAULTS", "1.1.0:slow-start:900");
    // Longer than one start on the slowest machine, shorter than four.
    let timeout = ("READY_TIMEOUT_MS", "3000");
    let cluster = trial.start(&[slow, timeout])?;
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
    is_given_up(trial, "never-ready")?;
    is_given_up(trial, "crash-at-start")?;
    what_was_rolled_goes_back(trial)
}

/// It fails in a slot in the middle: whatever the order, another one runs it by then.
fn what_was_rolled_goes_back(trial: &Trial) -> Kept {
    const FAULTS: &str = "1.1.0/2:never-ready,1.1.0/3:never-ready";
    let cluster = trial.start(&[("FAULTS", FAULTS), ("READY_TIMEOUT_MS", "2000")])?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let (_, count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            let (_, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
            let held = cluster.get_on(kept, "/slow?ms=4500").in_flight()?;
            settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
            harness::who::whole(trial, held)
                .map_err(|broken| broken.advice("Who goes back drains like any other."))
        })
    })
    .map_err(|broken| broken.during(&format!("with FAULTS={FAULTS}")))?;
    count.expect(trial, WORKERS, WORKERS + 1)
}

fn is_given_up(trial: &Trial, fault: &str) -> Kept {
    let faults = format!("1.1.0:{fault}");
    let timeout = ("READY_TIMEOUT_MS", "1500");
    let cluster = trial.start(&[("FAULTS", &faults), timeout])?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    let part = format!("with FAULTS={faults}");
    let ((), count) = census::during(&cluster, || {
        under_load(trial, &cluster, || {
            ask_for_the_next(&cluster);
            old_version_goes_on(trial, &cluster, fault, &first)
        })
    })
    .map_err(|broken| broken.during(&part))?;
    let boots = count.seen.difference(&first).count();
    let observed = format!("it was started {boots} times");
    let question = "A version that fails does not get better by trying. When does a roll end?";
    trial
        .expect(boots <= 3, "at most 3 starts of a version that fails", observed)
        .map_err(|broken| broken.during(&part).advice(question))?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.2.0", &first)
        .map_err(|broken| broken.during(&format!("the next roll, {part}")))?;
    Ok(())
}

/// The failed version is there for a while, then only the old one again.
fn old_version_goes_on(
    trial: &Trial,
    cluster: &Cluster,
    fault: &str,
    first: &BTreeSet<u32>,
) -> Kept {
    if fault == "never-ready" {
        let failed = scene::newcomer(trial, cluster, first)?;
        let limit = patience(PROMPT);
        let is_gone = || (!processes::is_alive(failed)).then_some(());
        let observed = format!("pid {failed} is still there after {} s", limit.as_secs());
        let expected = "a worker that is not ready in READY_TIMEOUT_MS=1500 is ended";
        trial.expect(processes::until(limit, is_gone).is_some(), expected, observed)?;
        trial.recorder.observe(format!("pid {failed} is gone"));
    }
    // One that dies at its start is too quick to be seen, so it gets time to do harm.
    let mut stray = None;
    processes::until(patience(Duration::from_millis(1500)), || {
        stray = greet(cluster, "/", patience(PROMPT))
            .into_iter()
            .find(|(who, _)| who.version != "1.0.0");
        (stray.is_some() || !cluster.is_running()).then_some(())
    });
    if let Some((who, _)) = stray {
        let observed = format!("an answer from {} (pid {})", who.version, who.pid);
        return Err(trial.broken("1.0.0 goes on serving", observed));
    }
    settled(trial, cluster, "1.0.0", &BTreeSet::new()).map(|_| ())
}
