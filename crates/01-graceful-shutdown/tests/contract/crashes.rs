//! Processes that die unasked: a worker, and the primary.

use std::{collections::BTreeSet, time::Duration};

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, patience, who::children};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

pub(crate) fn a_crashed_worker_is_replaced_until_the_drain_begins(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let workers: Vec<u32> = scene::meet_all(trial, &cluster, 2)?.into_keys().collect();
    for victim in workers {
        cluster.signal_process(victim, Signal::SIGKILL)?;
        // A dead process answers no request, so two that answer are the survivor and a successor.
        scene::meet_all(trial, &cluster, 2).map_err(|broken| {
            broken
                .expected("a new worker in place of the one that died")
                .advice("When a worker dies, `primary` calls `replace`. What does that do?")
        })?;
    }
    no_worker_is_started_while_draining(trial, &cluster)
}

fn no_worker_is_started_while_draining(trial: &Trial, cluster: &Cluster) -> Kept {
    let mut workers = scene::meet_all(trial, cluster, 2)?.into_iter();
    let (Some((_, one)), Some((victim, other))) = (workers.next(), workers.next()) else {
        return Err(trial.broken("two workers", "fewer"));
    };
    let known = children(cluster);
    let held = cluster.get_on(one, "/slow?ms=2500").in_flight()?;
    let lost = cluster.get_on(other, ENDLESS).in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, cluster)?;
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let mut unknown = BTreeSet::<u32>::new();
    let _ = processes::until(patience(PROMPT), || {
        unknown.extend(children(cluster).difference(&known));
        (!unknown.is_empty() || !cluster.is_running()).then_some(())
    });
    trial.expect(
        unknown.is_empty(),
        "no new worker while the cluster drains",
        format!("the primary started a process: {unknown:?}"),
    )?;
    scene::whole(trial, held)?;
    scene::cut_off(trial, lost)?;
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(
        exit == Exit::Code(1),
        "exit code 1: a worker died, and its request with it",
        format!("{exit}"),
    )
}

/// While the cluster runs, and in the middle of a drain.
pub(crate) fn workers_do_not_outlive_a_killed_primary(trial: &Trial) -> Kept {
    dies_with_its_workers(trial, false)?;
    dies_with_its_workers(trial, true).map_err(|broken| broken.during("while the cluster drained"))
}

/// Each worker holds a request, so that no worker is about to end by itself.
fn dies_with_its_workers(trial: &Trial, is_draining: bool) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let workers = scene::meet_all(trial, &cluster, 2)?;
    let _held: Vec<_> = workers
        .into_values()
        .map(|connection| cluster.get_on(connection, ENDLESS).in_flight())
        .collect::<Result<_, _>>()?;
    if is_draining {
        cluster.signal(Signal::SIGTERM);
        scene::wait_until_draining(trial, &cluster)?;
    }
    cluster.signal(Signal::SIGKILL);
    cluster.wait_gone(Duration::from_secs(5)).map_err(|broken| {
        broken.expected("no worker outlives its primary").advice(
            "A primary that dies by SIGKILL sends nothing. What does `primary.hear()` return then?",
        )
    })
}
