//! A request that is in flight when the signal comes is answered.

use harness::{Cluster, Kept, Signal, Trial};

use crate::{
    downloads,
    scene::{self, NO_HURRY},
};

/// `/slow` is known to be in flight: the head of its answer has arrived. `/` is the everyday case:
/// the worker has the request, and has sent nothing yet.
pub(crate) fn a_request_in_flight_at_sigterm_is_answered_whole(trial: &Trial) -> Kept {
    answers_what_is_in_flight(trial, |cluster| {
        cluster.signal(Signal::SIGTERM);
    })
    .and_then(|()| downloads::a_large_answer_is_sent_whole(trial))
    .map_err(|broken| {
        broken.advice("Did `shut_down` return before the worker had answered, or did `drain`?")
    })
}

/// The check sends the signal to the primary alone, as `kill -INT` does, then to every process, as a
/// terminal does with Ctrl-C and a service manager with SIGTERM. Which process gets it first is
/// chance, so in one run the workers get it well before the primary.
pub(crate) fn a_request_in_flight_at_ctrl_c_is_answered_whole(trial: &Trial) -> Kept {
    const QUESTION: &str = "The workers get this signal as well. What does `orders` do with it?";
    answers_what_is_in_flight(trial, |cluster| {
        cluster.signal(Signal::SIGINT);
    })?;
    for (signal, part) in
        [(Signal::SIGINT, "after Ctrl-C"), (Signal::SIGTERM, "after SIGTERM to every process")]
    {
        answers_what_is_in_flight(trial, |cluster| workers_first(cluster, signal))
            .map_err(|broken| broken.during(part).advice(QUESTION))?;
    }
    answers_what_is_in_flight(trial, |cluster| cluster.signal_group(Signal::SIGINT))
        .map_err(|broken| broken.during("after Ctrl-C").advice(QUESTION))
}

fn workers_first(cluster: &Cluster, signal: Signal) {
    for process in cluster.processes().iter().filter(|process| process.pid != cluster.pid) {
        // If the signal to its sibling has ended it already, the answers will show that.
        let _ = cluster.signal_process(process.pid, signal);
    }
    // By the time that these are answered, the workers have handled their signals.
    for _ in 0..8 {
        let _ = scene::connect_anew(cluster);
    }
    cluster.signal(signal);
}

fn answers_what_is_in_flight(trial: &Trial, signal: impl Fn(&Cluster)) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let everyday = cluster.get("/?ms=1000")?.sent()?;
    let slow = cluster.get("/slow?ms=700")?.in_flight()?;
    signal(&cluster);
    scene::whole(trial, slow)?;
    scene::whole(trial, everyday)?;
    Ok(())
}
