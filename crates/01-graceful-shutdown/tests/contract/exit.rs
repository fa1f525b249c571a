//! How it ends: by itself, by the timeout, or by a second signal.

use std::time::{Duration, Instant};

use events::Exit;
use harness::{Kept, Signal, Trial, patience, wire::Failure};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

pub(crate) fn a_drained_cluster_exits_0_and_leaves_no_process(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let slow = cluster.get("/slow?ms=500")?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    slow.expect_200()?;
    let exit = cluster.wait_exit(PROMPT).map_err(|broken| {
        broken
            .expected("an exit as soon as the last answer is out, long before the timeout of 120 s")
            .advice("Nothing is left to wait for. What does it wait for?")
    })?;
    trial.expect(
        exit == Exit::Code(0),
        "exit code 0: everything was finished",
        format!("{exit}, though nothing was cut off"),
    )?;
    cluster.wait_gone(Duration::from_secs(5))
}

pub(crate) fn a_request_that_outlives_the_timeout_is_cut(trial: &Trial) -> Kept {
    const TIMEOUT: Duration = Duration::from_millis(1500);
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "1500")])?;
    let held = cluster.get(ENDLESS)?.in_flight()?;
    let asked = Instant::now();
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(TIMEOUT + PROMPT).map_err(|broken| {
        broken
            .expected("an exit soon after the drain timeout of 1.5 s")
            .advice("The request never ends. What ends the wait for it?")
    })?;
    let took = asked.elapsed();
    let observed = format!("over after {:.2} s", took.as_secs_f64());
    // The program began to count after we did, so this can't be the clock's fault.
    trial.expect(took >= TIMEOUT, "the whole drain timeout of 1.5 s for the request", observed)?;
    match held.outcome()? {
        Err((Failure::Truncated | Failure::Reset, _)) => {}
        Err((other, _)) => return Err(trial.broken("a request that is cut off", other.to_string())),
        Ok(_) => return Err(trial.broken("a request that is cut off", "it was answered whole")),
    }
    trial.expect(
        exit == Exit::Code(1),
        "exit code 1: the deadline cut work off",
        format!("{exit}, though a request was cut off"),
    )?;
    cluster.wait_gone(Duration::from_secs(5))
}

pub(crate) fn a_second_signal_ends_it_at_once(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, &cluster)?;
    trial.expect(cluster.is_running(), "the first signal drains", "it is gone already")?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT).map_err(|broken| {
        broken
            .expected("an exit at once after the second signal")
            .advice("Whoever sends a second signal has lost patience. Who is listening?")
    })?;
    trial.expect(
        exit != Exit::Code(0),
        "an exit code other than 0: work was cut off",
        format!("{exit}"),
    )?;
    cluster.wait_gone(patience(Duration::from_secs(5)))
}
