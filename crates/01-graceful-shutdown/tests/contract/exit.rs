//! How a cluster ends: by itself, by the timeout, or by a second signal.

use std::time::Duration;

use events::Exit;
use harness::{Broken, Cluster, Kept, Signal, Trial};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

pub(crate) fn a_drained_cluster_exits_0_and_leaves_no_process(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let slow = cluster.get("/slow?ms=500")?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::whole(trial, slow)?;
    let exit = cluster.wait_exit(PROMPT).map_err(|broken| {
        broken
            .expected("an exit as soon as the last answer is out, long before the timeout of 120 s")
            .advice("No request is left. What does `shut_down` or `drain` still wait for?")
    })?;
    trial.expect(
        exit == Exit::Code(0),
        "exit code 0: each request was answered",
        format!("{exit}, though each request was answered"),
    )?;
    cluster.wait_gone(Duration::from_secs(2))?;
    a_senseless_setting_is_refused(trial)
}

/// A program that starts all the same, with a default or with none, runs as no operator asked for.
fn a_senseless_setting_is_refused(trial: &Trial) -> Kept {
    for (name, value) in
        [("WORKERS", "0"), ("DRAIN_TIMEOUT_MS", "soon"), ("JOURNAL", "/dev/null/journal")]
    {
        trial.refuses(name, value)?;
    }
    trial.refuses_a_port_in_use("PORT")
}

/// With two timeouts, so that the check can tell `DRAIN_TIMEOUT_MS` from a constant.
pub(crate) fn a_request_that_outlives_the_timeout_is_cut(trial: &Trial) -> Kept {
    let short = cut_after(trial, Duration::from_secs(1))?;
    let long = cut_after(trial, Duration::from_secs(4))?;
    trial.expect(
        long >= short + 1.0,
        "requests that are cut off after DRAIN_TIMEOUT_MS: 1 s, then 4 s",
        format!("cut off after {short:.1} s, then {long:.1} s"),
    )
}

/// How many seconds after SIGTERM a request that never ends is cut off.
fn cut_after(trial: &Trial, timeout: Duration) -> Kept<f64> {
    let seconds = timeout.as_secs_f64();
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", &timeout.as_millis().to_string())])?;
    let held = cluster.get(ENDLESS)?.in_flight()?;
    let asked = cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(timeout + PROMPT).map_err(|broken| {
        broken
            .expected(format!("an exit soon after the drain timeout of {seconds} s"))
            .advice("The request never ends. What in `drain` ends the wait for it?")
    })?;
    let (failure, cut) = scene::cut_off(trial, held)?;
    let took = trial.recorder.time_of(cut) - trial.recorder.time_of(asked);
    // The program began to count after the check did, so different clocks can't explain this.
    if took < seconds {
        let observed = format!("{failure} after {took:.2} s");
        let expected = format!("the whole drain timeout of {seconds} s for the request");
        return Err(Broken::new(expected, observed).at(cut));
    }
    trial.expect(
        exit == Exit::Code(1),
        "exit code 1: the deadline cut off GET /slow, which the server had begun",
        format!("{exit}, though GET /slow was begun and not answered"),
    )?;
    cluster.wait_gone(Duration::from_secs(2))?;
    Ok(took)
}

pub(crate) fn a_second_signal_ends_it_at_once(trial: &Trial) -> Kept {
    let terminate = |cluster: &Cluster| {
        cluster.signal(Signal::SIGTERM);
    };
    let ctrl_c = |cluster: &Cluster| cluster.signal_group(Signal::SIGINT);
    first_and_second(trial, terminate, terminate)?;
    first_and_second(trial, ctrl_c, ctrl_c)?;
    first_and_second(trial, terminate, ctrl_c)
}

fn first_and_second(trial: &Trial, first: impl Fn(&Cluster), second: impl Fn(&Cluster)) -> Kept {
    let cluster = trial.start(&[NO_HURRY])?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    first(&cluster);
    scene::wait_until_draining(trial, &cluster)?;
    trial.expect(
        cluster.is_running(),
        "the first signal drains",
        "the cluster has exited already",
    )?;
    second(&cluster);
    let exit = cluster.wait_exit(AT_ONCE).map_err(|broken| {
        broken
            .expected("an exit at once after the second signal")
            .advice("While `shut_down` waits for the workers, does it also wait for signals?")
    })?;
    trial.expect(
        exit != Exit::Code(0),
        "an exit code other than 0: GET /slow was begun, and cut off",
        format!("{exit}"),
    )?;
    cluster.wait_gone(Duration::from_secs(2))
}

/// "At once", with room for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(4);
