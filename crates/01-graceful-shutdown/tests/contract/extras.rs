//! Promises beyond what the exercise asks for.

use std::time::{Duration, Instant};

use events::{Event, Exit, Outcome, ShutdownEvent};
use harness::{Kept, Signal, Trial, patience};

use crate::scene::{self, ENDLESS, NO_HURRY, PROMPT};

/// A timeout for one of the two signals; the other signal has a long one.
const SHORT_MS: u64 = 700;

pub(crate) fn sigint_and_sigterm_have_their_own_timeouts(trial: &Trial) -> Kept {
    sigint_cuts_after_its_own(trial)?;
    sigterm_waits_for_its_own(trial).map_err(|broken| broken.during("after a SIGTERM"))
}

fn sigint_cuts_after_its_own(trial: &Trial) -> Kept {
    let short = SHORT_MS.to_string();
    let cluster = trial.start(&[NO_HURRY, ("DRAIN_TIMEOUT_SIGINT_MS", &short)])?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    let asked = Instant::now();
    cluster.signal(Signal::SIGINT);
    let exit = cluster
        .wait_exit(PROMPT)
        .map_err(|broken| broken.expected("an exit soon after DRAIN_TIMEOUT_SIGINT_MS=700"))?;
    not_before_its_time(trial, asked)?;
    trial.expect(exit == Exit::Code(1), "exit code 1", exit.to_string())
}

/// The request takes three times as long as SIGINT would leave it.
fn sigterm_waits_for_its_own(trial: &Trial) -> Kept {
    let short = SHORT_MS.to_string();
    let cluster = trial.start(&[NO_HURRY, ("DRAIN_TIMEOUT_SIGINT_MS", &short)])?;
    let path = format!("/slow?ms={}", patience(Duration::from_millis(3 * SHORT_MS)).as_millis());
    let held = cluster.get(&path)?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::whole(trial, held)?;
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}

/// The program began to count after the check did, so different clocks can't explain this.
fn not_before_its_time(trial: &Trial, asked: Instant) -> Kept {
    let took = asked.elapsed().as_millis();
    let expected = format!("an exit not before the timeout of {SHORT_MS} ms");
    trial.expect(took >= u128::from(SHORT_MS), expected, format!("after {took} ms"))
}

/// A stopped process does not read the order to drain, and would not act on SIGTERM either.
pub(crate) fn a_stopped_worker_does_not_hold_the_exit(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", &SHORT_MS.to_string())])?;
    let (stopped, _) = scene::meet(trial, &cluster)?;
    cluster.signal_process(stopped.pid, Signal::SIGSTOP)?;
    let asked = Instant::now();
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT).map_err(|broken| {
        let question = "A stopped worker can't keep its deadline. When does `shut_down` kill it?";
        broken.expected("an exit soon after DRAIN_TIMEOUT_MS=700").advice(question)
    })?;
    not_before_its_time(trial, asked)?;
    trial.expect(exit == Exit::Code(1), "exit code 1", exit.to_string())?;
    cluster.wait_gone(Duration::from_secs(5))
}

/// Asked on a connection that was open before the signal: a new one may be refused.
pub(crate) fn health_says_503_while_draining(trial: &Trial) -> Kept {
    let cluster = trial.start(&[NO_HURRY, ("LAME_DUCK_MS", "60000")])?;
    let reply = cluster.get("/health")?.reply()?;
    let status = reply.answer.status;
    trial.expect(
        status == 200,
        "GET /health: 200 before the signal",
        format!("status {status}"),
    )?;
    let (_, kept) = scene::meet(trial, &cluster)?;
    let _held = cluster.get(ENDLESS)?.in_flight()?;
    cluster.signal(Signal::SIGTERM);
    scene::wait_until_draining(trial, &cluster)?;
    let reply = cluster.get_on(kept, "/health").reply()?;
    let status = reply.answer.status;
    trial.expect(status == 503, "GET /health: 503 while draining", format!("status {status}"))
}

/// The report is compared with what the check saw: one request answered, one cut off, and the time.
pub(crate) fn the_shutdown_reports_what_it_drained_and_cut(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "1500")])?;
    let held = cluster.get(ENDLESS)?.in_flight()?;
    let answered = cluster.get("/slow?ms=600")?.in_flight()?;
    let asked = Instant::now();
    cluster.signal(Signal::SIGTERM);
    scene::whole(trial, answered)?;
    cluster.wait_exit(PROMPT)?;
    let took = asked.elapsed();
    let _ = held.outcome()?;
    let is_it = |event: &Event| matches!(event, Event::Shutdown(ShutdownEvent::Complete { .. }));
    let report = trial.recorder.wait_for_report(Duration::from_secs(1), is_it);
    let Some(Event::Shutdown(ShutdownEvent::Complete { outcome, drained, cut, millis })) = report
    else {
        return Err(trial.broken("an event shutdown-complete", "none was reported"));
    };
    let limit = took.as_millis();
    let is_true = outcome == Outcome::Cut
        && (drained, cut) == (1, 1)
        && Duration::from_millis(millis) <= took
        && millis >= 1400;
    trial.expect(
        is_true,
        format!(
            "outcome cut; 1 drained (/slow?ms=600), 1 cut (the other /slow); 1500 to {limit} ms"
        ),
        format!("outcome {outcome:?}; {drained} drained, {cut} cut; {millis} ms"),
    )
}
