//! The end, in the middle of a roll.

use std::{collections::BTreeSet, time::Duration};

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, patience, who::whole};

use crate::scene::{self, NO_HURRY, PROMPT, ask_for_the_next, settled};

pub(crate) fn sigterm_in_the_middle_of_a_roll_drains_both_generations(trial: &Trial) -> Kept {
    both_generations_finish(trial)?;
    a_worker_that_is_not_ready_holds_nothing(trial)
        .map_err(|broken| broken.during("while the new worker was not ready yet"))
}

/// Old and new workers hold requests. The one that drains for the roll has its own order already.
fn both_generations_finish(trial: &Trial) -> Kept {
    let cluster = trial.start(&NO_HURRY)?;
    let held = scene::hold_all(trial, &cluster, 4000)?;
    ask_for_the_next(&cluster);
    let (_, new) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let in_new = cluster.get_on(new, "/slow?ms=3500").in_flight()?;
    cluster.signal(Signal::SIGTERM);
    // Once it is seen to shut down, or the two signals might be heard in the other order.
    let is_turned_away = || {
        let answer = cluster.try_connect().and_then(|mut new| new.get("/"));
        answer.map_or(true, |answer| answer.status != 200).then_some(())
    };
    let _ = processes::until(patience(PROMPT), is_turned_away);
    // Nobody is in a hurry: one more wish for a new version is no second request to stop.
    if !in_new.is_over() {
        cluster.signal(Signal::SIGUSR2);
    }
    for (_, pending) in held {
        whole(trial, pending).map_err(|broken| broken.during("in an old worker"))?;
    }
    whole(trial, in_new).map_err(|broken| broken.during("in the new worker"))?;
    ends_well(trial, &cluster)
}

fn a_worker_that_is_not_ready_holds_nothing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], ("FAULTS", "1.1.0:never-ready")])?;
    let before = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    scene::newcomer(trial, &cluster, &before)?;
    cluster.signal(Signal::SIGTERM);
    ends_well(trial, &cluster)
}

fn ends_well(trial: &Trial, cluster: &Cluster) -> Kept {
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(
        exit == Exit::Code(0),
        "exit code 0: everything was finished",
        format!("{exit}, though nothing was cut off"),
    )?;
    cluster.wait_gone(Duration::from_secs(5))
}
