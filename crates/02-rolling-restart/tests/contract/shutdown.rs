//! The end, in the middle of a roll.

use std::{collections::BTreeSet, time::Duration};

use events::Exit;
use harness::{
    Cluster, Kept, Signal, Trial,
    newcomer::NewConnection,
    patience,
    who::{self, children, meet, whole},
};

use crate::scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next, settled, workers};

/// A new version that is never ready: the roll stays in its middle.
const NEVER_READY: (&str, &str) = ("FAULTS", "1.1.0:never-ready");

pub(crate) fn sigterm_in_the_middle_of_a_roll_drains_both_versions(trial: &Trial) -> Kept {
    both_versions_finish(trial)?;
    a_worker_that_is_not_ready_holds_nothing(trial)
        .map_err(|broken| broken.during("while the new worker was not ready yet"))?;
    a_worker_that_dies_before_it_is_ready_loses_nothing(trial)
        .map_err(|broken| broken.during("with a worker that dies before it was ready"))?;
    what_is_cut_is_said(trial)
        .map_err(|broken| broken.during("with a request longer than DRAIN_TIMEOUT_MS"))?;
    a_death_on_the_way_is_said(trial)
        .map_err(|broken| broken.during("with a worker that is killed while it drains"))?;
    a_stuck_worker_is_killed(trial).map_err(|broken| broken.during("with a stopped worker"))?;
    a_draining_worker_is_waited_for(trial)
        .map_err(|broken| broken.during("in the old worker that drained already"))?;
    an_empty_slot_holds_nothing(trial).map_err(|broken| broken.during("while a slot was empty"))?;
    a_second_signal_ends_it(trial).map_err(|broken| broken.during("after a second SIGTERM"))
}

/// A program rolls its slots from one end or the other.
fn a_draining_worker_is_waited_for(trial: &Trial) -> Kept {
    if !is_waited_for(trial, 1)? {
        is_waited_for(trial, 4)?;
    }
    Ok(())
}

/// The old worker in `slot` holds a request, and no other one does. Returns whether it is the first one
/// to be rolled.
fn is_waited_for(trial: &Trial, slot: u32) -> Kept<bool> {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE])?;
    let mut idle = scene::meet_all(trial, &cluster)?;
    let mut met = scene::meet_all(trial, &cluster)?;
    let Some((_, kept)) = met.remove(&scene::in_slot(&met, slot)) else {
        return Err(trial.broken("workers 1 to 4", format!("no process is worker {slot}")));
    };
    drop(met);
    let held = cluster.get_on(kept, &scene::slow(2000)).in_flight()?;
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    if new.worker != slot {
        return Ok(false);
    }
    let (old, kept) = scene::predecessor(trial, &mut idle, &new)?;
    scene::it_drains(trial, old, kept)?;
    cluster.signal(Signal::SIGTERM);
    whole(trial, held)
        .map_err(|broken| broken.advice("For which workers does a shutdown wait?"))?;
    ends_with(trial, &cluster, 0, "nothing was cut off")?;
    Ok(true)
}

/// The slot would be empty for a minute.
fn an_empty_slot_holds_nothing(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let delays = [("RESTART_DELAY_MS", &*wait), ("RESTART_DELAY_MAX_MS", &*wait)];
    let faults = ("FAULTS", "1.0.0/2:crash-at-start");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], delays[0], delays[1], faults])?;
    who::meet_all(trial, &cluster, "/", WORKERS - 1)?;
    let are_three = || (children(&cluster).len() == WORKERS - 1).then_some(());
    let found = processes::until(patience(PROMPT), are_three);
    trial.expect(found.is_some(), "three workers, and an empty slot", "it is not empty")?;
    cluster.signal(Signal::SIGTERM);
    ends_with(trial, &cluster, 0, "nothing was cut off")
}

fn a_second_signal_ends_it(trial: &Trial) -> Kept {
    let cluster = in_the_middle(trial, &NO_HURRY)?;
    let _held = cluster.get("/slow?ms=60000")?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    turns_away(trial, &cluster)?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    let expected = "any exit code but 0: a second signal cut work off";
    trial.expect(exit != Exit::Code(0), expected, exit.to_string())?;
    cluster.wait_gone(Duration::from_secs(5))
}

/// Old and new workers hold requests. One worker drains already, for the roll.
fn both_versions_finish(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE])?;
    let mut idle = scene::meet_all(trial, &cluster)?;
    let held = scene::hold_all(trial, &cluster, 2000)?;
    ask_for_the_next(&cluster);
    let (new, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let in_new = cluster.get_on(kept, &scene::slow(1800)).in_flight()?;
    let (old, kept) = scene::predecessor(trial, &mut idle, &new)?;
    scene::it_drains(trial, old, kept)?;
    cluster.signal(Signal::SIGTERM);
    turns_away(trial, &cluster)?;
    // SIGUSR2 is not a second request to stop.
    if !in_new.is_over() {
        cluster.signal(Signal::SIGUSR2);
    }
    for (_, pending) in held {
        whole(trial, pending).map_err(|broken| broken.during("in an old worker"))?;
    }
    whole(trial, in_new).map_err(|broken| broken.during("in the new worker"))?;
    ends_with(trial, &cluster, 0, "nothing was cut off")
}

fn a_worker_that_is_not_ready_holds_nothing(trial: &Trial) -> Kept {
    let cluster = in_the_middle(trial, &NO_HURRY)?;
    cluster.signal(Signal::SIGTERM);
    ends_with(trial, &cluster, 0, "nothing was cut off")
}

fn what_is_cut_is_said(trial: &Trial) -> Kept {
    let cluster = in_the_middle(trial, &[("DRAIN_TIMEOUT_MS", "500"), NO_HURRY[1]])?;
    let held = cluster.get("/slow?ms=60000")?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    trial.expect(held.outcome()?.is_err(), "a request that is cut off", "it is answered")?;
    ends_with(trial, &cluster, 1, "a request was cut off")
}

/// The worker is stopped, so it is still there when all others are gone.
fn a_death_on_the_way_is_said(trial: &Trial) -> Kept {
    let cluster = in_the_middle(trial, &NO_HURRY)?;
    let stopped = stop_one(trial, &cluster)?;
    cluster.signal(Signal::SIGTERM);
    let limit = patience(PROMPT);
    let is_last = || children(&cluster).iter().all(|pid| *pid == stopped).then_some(());
    let observed =
        format!("{} left, {} s later", workers(children(&cluster).len()), limit.as_secs());
    let expected = "all others leave";
    trial.expect(processes::until(limit, is_last).is_some(), expected, observed)?;
    cluster.signal_process(stopped, Signal::SIGKILL)?;
    ends_with(trial, &cluster, 1, "a worker was killed while it drained")
}

fn a_stuck_worker_is_killed(trial: &Trial) -> Kept {
    let cluster = in_the_middle(trial, &[("DRAIN_TIMEOUT_MS", "100"), NO_HURRY[1]])?;
    stop_one(trial, &cluster)?;
    cluster.signal(Signal::SIGTERM);
    ends_with(trial, &cluster, 1, "a worker had to be killed")
}

/// It is stopped, so it hears no order to drain and lives until it is killed.
fn a_worker_that_dies_before_it_is_ready_loses_nothing(trial: &Trial) -> Kept {
    let (cluster, new) = with_a_new_worker(trial, &NO_HURRY)?;
    scene::stop_starting(trial, &cluster, new)?;
    cluster.signal(Signal::SIGTERM);
    let is_alone = || children(&cluster).is_subset(&BTreeSet::from([new])).then_some(());
    let are_gone = processes::until(patience(PROMPT), is_alone).is_some();
    let observed = format!("the processes {:?}", children(&cluster));
    trial.expect(are_gone, "the workers that were ready drain and end", observed)?;
    // A program may have killed it already.
    if children(&cluster).contains(&new) {
        cluster.signal_process(new, Signal::SIGKILL)?;
    }
    ends_with(trial, &cluster, 0, "it held nothing")
}

/// A cluster whose roll waits for a new worker.
fn in_the_middle(trial: &Trial, settings: &[(&str, &str)]) -> Kept<Cluster> {
    with_a_new_worker(trial, settings).map(|(cluster, _)| cluster)
}

/// The same, and the process of that worker.
fn with_a_new_worker(trial: &Trial, settings: &[(&str, &str)]) -> Kept<(Cluster, u32)> {
    let cluster = trial.start(&[settings, &[NEVER_READY]].concat())?;
    let before = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let new = scene::new_worker(trial, &cluster, &before)?;
    Ok((cluster, new))
}

/// Stops one of its workers, which then hears nothing.
fn stop_one(trial: &Trial, cluster: &Cluster) -> Kept<u32> {
    let (who, _) = meet(trial, cluster, "/")?;
    cluster.signal_process(who.pid, Signal::SIGSTOP)?;
    Ok(who.pid)
}

/// Waits until the cluster is seen to shut down. Otherwise two signals might be read as one, or in the
/// other order.
fn turns_away(trial: &Trial, cluster: &Cluster) -> Kept {
    let is_turned_away = || {
        let answer = cluster.try_connect().and_then(|mut new| new.get("/"));
        (NewConnection::of(&answer) == NewConnection::TurnedAway).then_some(())
    };
    let is_closed = processes::until(patience(PROMPT), is_turned_away).is_some();
    trial.expect(is_closed, "a shutdown refuses new clients", "new clients are still answered")
}

/// The cluster exits with `code`, because of what `happened`, and leaves no process.
fn ends_with(trial: &Trial, cluster: &Cluster, code: i32, happened: &str) -> Kept {
    let exit = cluster.wait_exit(PROMPT)?;
    let expected = format!("exit code {code}: {happened}");
    trial.expect(exit == Exit::Code(code), expected, format!("{exit}, though {happened}"))?;
    cluster.wait_gone(Duration::from_secs(5))
}
