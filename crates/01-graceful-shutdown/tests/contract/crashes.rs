//! Deaths that nobody asked for.

use std::{collections::BTreeSet, time::Duration};

use harness::{Cluster, Kept, Signal, Trial, patience};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

pub(crate) fn a_crashed_worker_is_replaced_until_the_drain_begins(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let victim = *scene::meet_all(trial, &cluster, 2)?.keys().next().expect("two were met");
    cluster.signal_process(victim, Signal::SIGKILL)?;
    wait_for_a_successor(trial, &cluster, victim)?;
    nobody_is_started_while_draining(trial, &cluster)
}

/// Two processes answer again, and the dead one is neither.
fn wait_for_a_successor(trial: &Trial, cluster: &Cluster, dead: u32) -> Kept {
    let limit = patience(PROMPT);
    let mut alive = BTreeSet::new();
    let replaced = processes::until(limit, || {
        let workers = cluster.processes().into_iter().map(|process| process.pid);
        alive = workers.filter(|pid| *pid != cluster.pid).collect();
        let is_decided = alive.len() == 2 && !alive.contains(&dead);
        (is_decided || !cluster.is_running()).then_some(())
    });
    let observed = if cluster.is_running() {
        let pids: Vec<_> = alive.iter().map(u32::to_string).collect();
        let seconds = limit.as_secs_f64();
        format!("after {seconds:.0} s the only worker is pid {}", pids.join(" and "))
    } else {
        "the primary ended with its worker".to_owned()
    };
    trial
        .expect(
            replaced.is_some() && cluster.is_running(),
            "a new worker in place of the one that died",
            observed,
        )
        .map_err(|broken| broken.advice("Who is told that a worker died, and what do they do?"))?;
    scene::meet_all(trial, cluster, 2)?;
    Ok(())
}

fn nobody_is_started_while_draining(trial: &Trial, cluster: &Cluster) -> Kept {
    let mut workers = scene::meet_all(trial, cluster, 2)?.into_iter();
    let (Some((_, one)), Some((victim, other))) = (workers.next(), workers.next()) else {
        return Err(trial.broken("two workers", "fewer"));
    };
    let known: BTreeSet<u32> = cluster.processes().iter().map(|process| process.pid).collect();
    let held = cluster.get_on(one, "/slow?ms=3000").in_flight()?;
    let _lost = cluster.get_on(other, ENDLESS).in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, cluster)?;
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let mut strangers = Vec::new();
    let _ = processes::until(patience(PROMPT), || {
        let now = cluster.processes().into_iter().map(|process| process.pid);
        strangers = now.filter(|pid| !known.contains(pid)).collect();
        (!strangers.is_empty() || !cluster.is_running()).then_some(())
    });
    trial.expect(
        strangers.is_empty(),
        "no new worker while it drains",
        format!("a new process was started: {strangers:?}"),
    )?;
    held.expect_200()?;
    cluster.wait_exit(PROMPT)?;
    Ok(())
}

/// Each worker holds a request, so that none of them is about to end anyway.
pub(crate) fn workers_do_not_outlive_a_killed_primary(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let workers = scene::meet_all(trial, &cluster, 2)?;
    let _held: Vec<_> = workers
        .into_values()
        .map(|connection| cluster.get_on(connection, ENDLESS).in_flight())
        .collect::<Result<_, _>>()?;
    cluster.signal(Signal::SIGKILL);
    cluster.wait_gone(Duration::from_secs(8)).map_err(|broken| {
        broken.expected("no worker outlives its primary").advice(
            "Nobody sends a signal when a primary dies by SIGKILL. What do its workers see?",
        )
    })
}
