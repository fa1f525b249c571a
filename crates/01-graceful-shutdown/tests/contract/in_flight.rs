//! A request in flight when the signal comes is answered.

use std::time::Duration;

use harness::{Cluster, Kept, Signal, Trial};

use crate::scene::{NO_HURRY, PROMPT};

/// `/slow` is proven to be in flight: the head of its answer has arrived. `/` is the everyday
/// case: accepted, and nothing said yet.
pub(crate) fn a_request_in_flight_at_sigterm_is_answered_whole(trial: &Trial) -> Kept {
    answers_what_is_in_flight(trial, |cluster| cluster.signal(Signal::SIGTERM)).map_err(|broken| {
        broken.advice("The request was there before the signal. Who ended its process, and why?")
    })
}

/// To the primary alone, as `kill -INT` does, then to the group, as a terminal does.
pub(crate) fn a_request_in_flight_at_ctrl_c_is_answered_whole(trial: &Trial) -> Kept {
    answers_what_is_in_flight(trial, |cluster| cluster.signal(Signal::SIGINT))?;
    let ctrl_c = |cluster: &Cluster| cluster.signal_group(Signal::SIGINT);
    answers_what_is_in_flight(trial, ctrl_c).map_err(|broken| {
        let question = "Ctrl-C reaches the workers as well. Whose decision is it to stop?";
        broken.during("after Ctrl-C").advice(question)
    })
}

fn answers_what_is_in_flight(trial: &Trial, signal: impl Fn(&Cluster)) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let everyday = cluster.get("/?ms=1200")?.sent()?;
    let slow = cluster.get("/slow?ms=800")?.in_flight()?;
    signal(&cluster);
    slow.expect_200()?;
    everyday.expect_200()?;
    cluster.wait_exit(PROMPT + Duration::from_secs(5))?;
    Ok(())
}
