//! What is said, how often, and to whom.

use std::time::Duration;

use events::{Event, Exit};
use harness::{
    Broken, Kept, Signal, Trial, patience,
    receiver::{Receiver, refusing_url},
    who::whole,
};
use serde_json::Value;

use crate::scene::{self, FAST, PROMPT, meet_all, with};

/// Somebody who receives alerts.
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
    a_hanging_webhook_stops_nothing(trial, &hanging.url())
        .map_err(|broken| broken.during("with a webhook that never answers"))?;
    let refusing = refusing_url().map_err(|error| no_port(&error))?;
    a_leak_is_mended(trial, &refusing)
        .map_err(|broken| broken.during("with a webhook that refuses connections"))
}

/// The worker leaks, and its successor takes a while to start: it is sick for many heartbeats.
fn one_for_each_change(trial: &Trial) -> Kept {
    let receiver = receiver(trial)?;
    let url = receiver.url();
    let settings = [
        ("ALERT_URL", url.as_str()),
        ("MEMORY_LIMIT_MB", "60"),
        ("FAULTS", "1.0.0/2:slow-start:2500"),
    ];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let (leaking, kept) = scene::take(trial, &mut met, 2)?;
    whole(trial, cluster.get_on(kept, "/leak?mb=100"))?;
    for (level, condition) in [("critical", "memory"), ("resolved", "memory")] {
        let told = receiver.wait(PROMPT, |bodies| {
            bodies.iter().any(|body| is_alert(body, 2, level, condition)).then_some(())
        });
        let observed = format!("no such alert within {} s", patience(PROMPT).as_secs());
        trial.expect(
            told.is_some(),
            format!("an alert: worker 2, {level}, {condition}"),
            observed,
        )?;
    }
    scene::replaced(trial, &cluster, leaking.pid, PROMPT)?;
    let bodies = receiver.bodies();
    let critical = bodies.iter().filter(|body| body["level"] == "critical").count();
    let observed = format!("{critical} critical alerts");
    trial.expect(critical == 1, "one critical alert: worker 2, memory", observed)?;
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

/// A worker is frozen, and nobody takes the alerts.
fn a_hanging_webhook_stops_nothing(trial: &Trial, url: &str) -> Kept {
    let cluster = trial.start(&with(FAST, &[("ALERT_URL", url)]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (frozen, _) = scene::take(trial, &mut met, 2)?;
    cluster.signal_process(frozen.pid, Signal::SIGSTOP)?;
    scene::replaced(trial, &cluster, frozen.pid, PROMPT)
        .map_err(|broken| broken.advice("Who waits for the webhook's answer?"))?;
    scene::health(trial, &cluster)?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}

fn a_leak_is_mended(trial: &Trial, url: &str) -> Kept {
    let cluster = trial.start(&with(FAST, &[("ALERT_URL", url), ("MEMORY_LIMIT_MB", "60")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (leaking, kept) = scene::take(trial, &mut met, 3)?;
    whole(trial, cluster.get_on(kept, "/leak?mb=100"))?;
    scene::replaced(trial, &cluster, leaking.pid, PROMPT)?;
    scene::health(trial, &cluster).map(|_| ())
}

/// Four fifths of a limit are worth a word, and no more than that.
pub(crate) fn a_warning_comes_before_the_limit(trial: &Trial) -> Kept {
    let receiver = receiver(trial)?;
    let url = receiver.url();
    let settings = [("ALERT_URL", url.as_str()), ("MEMORY_LIMIT_MB", "100")];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let there = met.keys().copied().collect();
    let (_, kept) = scene::take(trial, &mut met, 2)?;
    whole(trial, cluster.get_on(kept, "/leak?mb=83"))?;
    let told = receiver.wait(PROMPT, |bodies| {
        bodies.iter().any(|body| is_alert(body, 2, "warning", "memory")).then_some(())
    });
    let observed = format!("no such alert within {} s", patience(PROMPT).as_secs());
    trial.expect(told.is_some(), "an alert: worker 2, warning, memory", observed)?;
    scene::left_alone(trial, &cluster, &there, Duration::from_secs(1))
}

/// The one promise here that is about a report.
pub(crate) fn a_report_comes_from_time_to_time(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[("REPORT_MS", "500")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (_, kept) = scene::take(trial, &mut met, 1)?;
    let (_, reply) = whole(trial, cluster.get_on(kept, "/"))?;
    let mut kept = reply.connection;
    for _ in 0..4 {
        let answer = kept.get("/error").map(|answer| answer.status);
        trial.expect(answer == Ok(500), "GET /error: 500", format!("{answer:?}"))?;
    }
    let limit = patience(PROMPT);
    let told = trial.recorder.wait(limit, |entries| {
        entries.iter().find_map(|entry| match entry.event {
            Some(Event::Report { ready: 3, workers: 3, requests: 8.., errors: 4 }) => Some(()),
            _ => None,
        })
    });
    let expected = "a report: 3 of 3 workers ready, 8 requests or more, 4 errors";
    let observed = format!("no such report within {} s", limit.as_secs());
    trial.expect(told.is_some(), expected, observed)
}
