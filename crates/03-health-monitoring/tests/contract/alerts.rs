//! Which alerts are sent, and how often.

use std::time::{Duration, Instant};

use events::{Event, Exit, HealthEvent};
use harness::{
    Broken, Cluster, Kept, Signal, Trial, patience,
    receiver::{Receiver, refusing_url},
    who::whole,
};
use serde_json::Value;

use crate::{
    excess::{fail, send},
    scene::{self, FAST, MEMORY, PROMPT, meet_all, with},
};

/// A receiver of alerts.
pub(crate) fn receiver(trial: &Trial) -> Kept<Receiver> {
    Receiver::start(&trial.recorder).map_err(|error| no_port(&error))
}

fn no_port(error: &std::io::Error) -> Broken {
    Broken::new("a free port for the webhook", error.to_string())
}

/// Whether `body` is an alert about `worker` with this level and condition.
pub(crate) fn is_alert(body: &Value, worker: u32, level: &str, condition: &str) -> bool {
    body["worker"] == worker && body["level"] == level && body["condition"] == condition
}

pub(crate) fn each_change_is_one_alert(trial: &Trial) -> Kept {
    one_for_each_change(trial)?;
    let hanging = Receiver::hanging().map_err(|error| no_port(&error))?;
    a_hanging_webhook_stops_nothing(trial, &hanging)
        .map_err(|broken| broken.during("with a webhook that never answers"))?;
    let refusing = refusing_url().map_err(|error| no_port(&error))?;
    a_failing_worker_is_replaced(trial, &refusing)
        .map_err(|broken| broken.during("with a webhook that refuses connections"))
}

/// The worker returns errors, and its successor takes a while to start. So the worker is sick for
/// many heartbeats, and at the end of them its errors are out of the window.
fn one_for_each_change(trial: &Trial) -> Kept {
    let receiver = receiver(trial)?;
    let url = receiver.url();
    let settings =
        [("ALERT_URL", url.as_str()), ("WINDOW_MS", "1000"), ("FAULTS", "1.0.0/2:slow-start:2500")];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let (failing, mut kept) = scene::take(trial, &mut met, 2)?;
    fail(trial, &mut kept, 30)?;
    told(trial, &receiver, 2, "critical", "errors")?;
    told(trial, &receiver, 2, "resolved", "errors")?;
    scene::replaced(trial, &cluster, failing.pid, PROMPT).map_err(|broken| {
        broken.advice(
            "Its successor is starting. Is a worker well because it answers no errors any more?",
        )
    })?;
    let bodies = receiver.bodies();
    let critical = bodies.iter().filter(|body| body["level"] == "critical");
    let critical: Vec<_> = critical.filter_map(|body| body["condition"].as_str()).collect();
    let observed = format!("critical alerts: {}", critical.join(", "));
    trial
        .expect(critical == ["errors"], "one critical alert: worker 2, errors", observed)
        .map_err(|broken| broken.advice("A worker that was told to drain has not died."))?;
    let sequence = |worker: u32| {
        let of_it = bodies.iter().filter(move |body| body["worker"] == worker);
        of_it.map(|body| (body["level"].to_string(), body["condition"].to_string()))
    };
    let repeats = (1..=3).any(|worker| {
        let said: Vec<_> = sequence(worker).collect();
        said.windows(2).any(|pair| pair[0] == pair[1])
    });
    trial.expect(!repeats, "one alert for each change", "the same alert twice in a row")
}

/// Waits for an alert about `worker`.
pub(crate) fn told(
    trial: &Trial,
    receiver: &Receiver,
    worker: u32,
    level: &str,
    condition: &str,
) -> Kept {
    let told = receiver.wait(PROMPT, |bodies| {
        bodies.iter().any(|body| is_alert(body, worker, level, condition)).then_some(())
    });
    let expected = format!("an alert: worker {worker}, {level}, {condition}");
    let observed = format!("no such alert within {} s", patience(PROMPT).as_secs());
    trial.expect(told.is_some(), expected, observed)
}

/// A worker is frozen, and the receiver of alerts does not answer.
fn a_hanging_webhook_stops_nothing(trial: &Trial, hanging: &Receiver) -> Kept {
    let url = hanging.url();
    let cluster = trial.start(&with(FAST, &[("ALERT_URL", url.as_str())]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (frozen, _) = scene::take(trial, &mut met, 2)?;
    cluster.signal_process(frozen.pid, Signal::SIGSTOP)?;
    let what_waits = "What waits for the webhook's answer?";
    the_primary_does_not_wait(trial, &cluster, hanging, frozen.pid)
        .and_then(|()| scene::replaced(trial, &cluster, frozen.pid, PROMPT))
        .map_err(|broken| broken.advice(what_waits))?;
    is_given_up(trial, hanging)?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}

/// A program that never gives one up has as many open, in a year, as there were alerts.
fn is_given_up(trial: &Trial, hanging: &Receiver) -> Kept {
    let is_one_closed = || (hanging.connections().1 > 0).then_some(());
    let closed = processes::until(patience(PROMPT), is_one_closed);
    let seconds = patience(PROMPT).as_secs();
    let observed = match hanging.connections().0 {
        0 => format!("no POST came within {seconds} s"),
        _ => format!("each POST is still open, {seconds} s later"),
    };
    trial.expect(closed.is_some(), "a POST that is not answered within 2 s is given up", observed)
}

/// Asks for the health until the process `pid` is gone. A primary that waits for the webhook answers when
/// a POST is given up, and never while one is open.
fn the_primary_does_not_wait(
    trial: &Trial,
    cluster: &Cluster,
    hanging: &Receiver,
    pid: u32,
) -> Kept {
    let (mut answered_meanwhile, mut slowest, mut failed) = (false, Duration::ZERO, None);
    processes::until(patience(PROMPT), || {
        let ((opened, closed), asked) = (hanging.connections(), Instant::now());
        failed = scene::health(trial, cluster).err();
        let (took, (_, closed_since)) = (asked.elapsed(), hanging.connections());
        answered_meanwhile |=
            opened > closed && closed_since == closed && took < Duration::from_millis(500);
        if closed_since > closed {
            slowest = slowest.max(took);
        }
        (failed.is_some() || !processes::is_alive(pid)).then_some(())
    });
    if let Some(broken) = failed {
        return Err(broken);
    }
    // A program that gives a POST up soon may never be seen with an open one. It waits 2 s for a POST
    // on any machine, so `patience` does not stretch this second.
    let is_held_up = !answered_meanwhile && slowest > Duration::from_secs(1);
    let seconds = slowest.as_secs_f64();
    let observed =
        format!("GET /health took {seconds:.1} s, until a POST to the webhook was given up");
    trial.expect(!is_held_up, "an answer to GET /health while a POST is open", observed)
}

fn a_failing_worker_is_replaced(trial: &Trial, url: &str) -> Kept {
    let cluster = trial.start(&with(FAST, &[("ALERT_URL", url)]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (failing, mut kept) = scene::take(trial, &mut met, 3)?;
    fail(trial, &mut kept, 30)?;
    scene::replaced(trial, &cluster, failing.pid, PROMPT)?;
    scene::health(trial, &cluster).map(|_| ())
}

/// Four fifths of the limit are one warning, and not another one for each megabyte.
pub(crate) fn a_warning_comes_before_the_limit(trial: &Trial) -> Kept {
    let receiver = receiver(trial)?;
    let url = receiver.url();
    let settings = [("ALERT_URL", url.as_str()), MEMORY];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let there = met.keys().copied().collect();
    let (_, kept) = scene::take(trial, &mut met, 2)?;
    // Nine tenths of the limit, whatever the worker needs without a leak.
    let (_, slots) = scene::health(trial, &cluster)?;
    let uses = slots.iter().find(|slot| slot.worker == 2).map_or(0, |slot| slot.rss_bytes >> 20);
    let leak = format!("/leak?mb={}", 90_u64.saturating_sub(uses));
    let (_, reply) = whole(trial, cluster.get_on(kept, &leak))?;
    let of_it = |body: &&Value| body["worker"] == 2 && body["level"] != "resolved";
    let first = receiver.wait(PROMPT, |bodies| bodies.iter().find(of_it).cloned());
    let observed = first.as_ref().map_or_else(
        || format!("no alert about worker 2 within {} s", patience(PROMPT).as_secs()),
        |body| format!("the first alert: worker 2, {}, {}", body["level"], body["condition"]),
    );
    let is_it = first.is_some_and(|body| is_alert(&body, 2, "warning", "memory"));
    trial.expect(is_it, "an alert: worker 2, warning, memory", observed)?;
    whole(trial, cluster.get_on(reply.connection, "/leak?mb=2"))?;
    scene::left_alone(trial, &cluster, &there, Duration::from_secs(1))?;
    let bodies = receiver.bodies();
    let warnings = bodies.iter().filter(|body| is_alert(body, 2, "warning", "memory")).count();
    trial.expect(warnings == 1, "one warning", format!("{warnings} warnings"))
}

/// The one promise here that is about a report.
pub(crate) fn a_report_comes_from_time_to_time(trial: &Trial) -> Kept {
    let began = Instant::now();
    let settings = [("REPORT_MS", "500"), ("ERROR_RATE_LIMIT", "100")];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let (_, mut kept) = scene::take(trial, &mut met, 1)?;
    // The second report comes after the first.
    for errors in [4, 5] {
        send(trial, &mut kept, "/error", if errors == 4 { 4 } else { 1 })?;
        reported(trial, errors)?;
    }
    let most = began.elapsed().as_millis() / 500 + 1;
    let entries = trial.recorder.entries();
    let is_report = |event: &&Event| matches!(event, Event::Health(HealthEvent::Report { .. }));
    let reports = entries.iter().filter_map(|entry| entry.event.as_ref()).filter(is_report).count();
    let observed = format!("{reports} reports in {:.1} s", began.elapsed().as_secs_f64());
    trial.expect(reports as u128 <= most, "one report every 500 ms", observed)
}

fn reported(trial: &Trial, wanted: u64) -> Kept {
    let limit = patience(PROMPT);
    let told = trial.recorder.wait(limit, |entries| {
        entries.iter().find_map(|entry| match entry.event {
            Some(Event::Health(HealthEvent::Report {
                ready: 3,
                workers: 3,
                requests: 7..,
                errors,
            })) => (errors == wanted).then_some(()),
            _ => None,
        })
    });
    let expected = format!("a report: 3 of 3 workers ready, 7 requests or more, {wanted} errors");
    let observed = format!("no such report within {} s", limit.as_secs());
    trial.expect(told.is_some(), expected, observed)
}
