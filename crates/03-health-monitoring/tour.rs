//! The tour of chapter 03: four ways to fall ill, each noticed, reported and healed under load.
//!
//! `cargo xtask run 03-health-monitoring` plays it against the example, `cargo xtask run
//! exercise-3` against a learner's program.

use std::{collections::BTreeSet, process::ExitCode, time::Duration};

use events::{
    Alert, Event, Exit, HealthEvent, Level,
    lanes::{Frame, LEGEND, lanes},
    numbers::count,
};
use harness::{
    Cluster, Kept, Signal, Stage,
    client::ask,
    load::{Clients, Connections, Load},
    who::{Who, children, greet, meet_all},
    wire::Connection,
};

const WORKERS: usize = 3;
/// How long it may take until a worker is replaced.
const LIMIT: Duration = Duration::from_secs(20);
/// Empty columns left of a picture.
const MARGIN: u16 = 3;

const TRAFFIC: &[Clients] = &[
    Clients::new(12, Connections::KeptAlive, "/", 5),
    Clients::new(4, Connections::OnePerRequest, "/", 10),
];

fn main() -> ExitCode {
    harness::tour(
        "03-health-monitoring",
        play,
        &[
            ("curl {admin}/health", "every worker, with its figures"),
            ("curl {admin}/metrics", "the same for Prometheus"),
            ("kill -STOP WORKER_PID", "a worker that hears nothing"),
            ("curl '{url}/block?ms=60000'", "one whose event loop is stuck"),
            ("curl '{url}/leak?mb=200'", "this worker leaks"),
            (
                "kill -STOP {pid}; kill -CONT {pid}",
                "a primary that was away: does it blame a worker?",
            ),
        ],
    )
}

fn play(stage: &mut Stage) -> Kept {
    stage.step("Three workers, a heartbeat every 100 ms, a timeout of 1 s");
    let cluster = stage.start(&[
        ("HEARTBEAT_MS", "100"),
        ("HEARTBEAT_TIMEOUT_MS", "1000"),
        ("MEMORY_LIMIT_MB", "100"),
        ("RESTART_DELAY_MS", "100"),
    ])?;
    let healthy = Load::start(cluster.address, TRAFFIC);
    stage.run_load(&healthy, 4000);
    account(stage, healthy, 0);
    show_health(stage, &cluster);
    falls_ill(stage, &cluster, &FROZEN)?;
    falls_ill(stage, &cluster, &BLOCKED)?;
    falls_ill(stage, &cluster, &LEAKING)?;
    falls_ill(stage, &cluster, &FAILING)?;
    a_primary_that_was_away(stage, &cluster)?;
    end(stage, &cluster)
}

/// A way to fall ill.
struct Illness {
    title: &'static str,
    /// The worker that falls ill.
    worker: u32,
    /// The name of the figure that says how soon that was known.
    figure: &'static str,
    /// What is done to one worker.
    cause: Cause,
    /// What the picture of it shows.
    remedy: &'static str,
    /// Whether what it holds is lost with it.
    is_violent: bool,
}

enum Cause {
    Signal(Signal),
    Request(&'static str, usize),
}

const FROZEN: Illness = Illness {
    title: "A worker is frozen: SIGSTOP",
    worker: 2,
    figure: "frozen_known_after_ms",
    cause: Cause::Signal(Signal::SIGSTOP),
    remedy: "it hears no order, so it was killed and replaced",
    is_violent: true,
};
const BLOCKED: Illness = Illness {
    title: "A worker's event loop is blocked: GET /block?ms=60000",
    worker: 1,
    figure: "blocked_known_after_ms",
    cause: Cause::Request("/block?ms=60000", 1),
    remedy: "its threads run on, its heartbeats stopped: killed and replaced",
    is_violent: true,
};
const LEAKING: Illness = Illness {
    title: "A worker leaks 150 MB, and may have 100",
    worker: 3,
    figure: "leaking_known_after_ms",
    cause: Cause::Request("/leak?mb=150", 1),
    remedy: "its successor was ready before it was drained",
    is_violent: false,
};
const FAILING: Illness = Illness {
    title: "A worker answers with errors, far more than 20 %",
    worker: 2,
    figure: "failing_known_after_ms",
    cause: Cause::Request("/error", 2000),
    remedy: "its successor was ready before it was drained",
    is_violent: false,
};

/// Makes one worker ill under load, shows what becomes of it, and counts what that cost the others.
fn falls_ill(stage: &mut Stage, cluster: &Cluster, illness: &Illness) -> Kept {
    stage.step(illness.title);
    let mut met = meet_all(stage.trial(), cluster, "/", WORKERS)?;
    let load = Load::start(cluster.address, TRAFFIC);
    stage.run_load(&load, 500);
    let ill = met.values().find(|(who, _)| who.worker == illness.worker);
    let Some((pid, (who, kept))) =
        ill.map(|(who, _)| who.pid).and_then(|pid| met.remove_entry(&pid))
    else {
        return Err(stage.trial().broken("workers 1 to 3", format!("none is {}", illness.worker)));
    };
    let recorder = stage.trial().recorder.clone();
    let from = recorder.now();
    stage.tell_events(false);
    let _patient = strike(stage, cluster, illness, &who, kept)?;
    let mut said = BTreeSet::new();
    let is_replaced = || {
        let there = children(cluster);
        said.extend(greet(cluster, "/").into_iter().map(|(who, _)| who.pid));
        !there.contains(&pid) && there.len() == WORKERS && there.is_subset(&said)
    };
    let picture = |width: u16| {
        let to = recorder.now().max(from + 1.5);
        let frame = Frame { from, to, width: width - MARGIN };
        let lines = lanes(&recorder.entries(), frame).into_iter().chain([LEGEND.to_owned()]);
        lines.map(|line| format!("{}{line}", " ".repeat(usize::from(MARGIN)))).collect()
    };
    let is_replaced = stage.watch(LIMIT, picture, is_replaced);
    stage.tell_events(true);
    for (at, level, text) in alerts_since(stage, from) {
        stage.say(&format!("{:.2} s  {text}", at - from));
        if level == Level::Critical {
            stage.figure(illness.figure, ((at - from) * 1e3).round());
        }
    }
    stage.finding(is_replaced, illness.remedy);
    // A worker that is killed loses what it held: at most one request of each client.
    let clients: usize = TRAFFIC.iter().map(|group| group.number).sum();
    account(stage, load, if illness.is_violent { clients as u64 } else { 0 });
    Ok(())
}

/// Makes the worker at the other end of `kept` ill. What is returned must live until it is over.
fn strike(
    stage: &Stage,
    cluster: &Cluster,
    illness: &Illness,
    who: &Who,
    kept: Connection,
) -> Kept<Option<harness::exchange::Pending>> {
    match illness.cause {
        Cause::Signal(signal) => {
            stage.say(&format!("kill -STOP {}   (worker {})", who.pid, who.worker));
            cluster.signal_process(who.pid, signal)?;
            Ok(None)
        }
        Cause::Request(path, 1) => {
            stage.say(&format!("worker {} (pid {}) gets it", who.worker, who.pid));
            Ok(Some(cluster.get_on(kept, path).sent()?))
        }
        Cause::Request(path, times) => {
            stage.say(&format!("worker {} (pid {}) gets it, again and again", who.worker, who.pid));
            let mut kept = kept;
            // It drains after a while, and says so.
            let until_it_closes = |_: &usize| kept.get(path).is_ok_and(|answer| !answer.closes);
            (0..times).take_while(until_it_closes).count();
            Ok(None)
        }
    }
}

/// What was reported as an alert since `from`, and when.
fn alerts_since(stage: &Stage, from: f64) -> Vec<(f64, Level, String)> {
    let entries = stage.trial().recorder.entries();
    let alerts = entries.iter().filter(|entry| entry.at >= from);
    let alerts = alerts.filter_map(|entry| match &entry.event {
        Some(Event::Health(HealthEvent::Alert(Alert { slot, level, text, .. }))) => {
            let name = match level {
                Level::Resolved => "resolved",
                Level::Warning => "warning",
                Level::Critical => "ALERT",
            };
            Some((entry.at, *level, format!("{name:8}  worker {slot}: {text}")))
        }
        _ => None,
    });
    alerts.collect()
}

/// The primary hears no worker while it does not run.
fn a_primary_that_was_away(stage: &mut Stage, cluster: &Cluster) -> Kept {
    stage.step("The primary itself is stopped for 2 s, twice the timeout");
    let before = children(cluster);
    cluster.signal_process(cluster.pid, Signal::SIGSTOP)?;
    let changes =
        |time| processes::until(time, || (children(cluster) != before).then_some(())).is_some();
    let mut is_same = !changes(Duration::from_secs(2));
    cluster.signal_process(cluster.pid, Signal::SIGCONT)?;
    is_same &= !changes(Duration::from_millis(500));
    stage.finding(is_same, "it blames no worker for what it did not hear: the same three serve");
    Ok(())
}

fn show_health(stage: &Stage, cluster: &Cluster) {
    let Some(admin) = cluster.admin else { return };
    let Ok((status, health)) = ask(admin, "/health") else { return };
    stage.say(&format!("GET http://{admin}/health: {status}, {}", health["status"]));
    for slot in health["workers"].as_array().into_iter().flatten() {
        let number = |name: &str| slot[name].as_u64().unwrap_or(0);
        let (worker, pid, requests) = (number("worker"), number("pid"), number("requests"));
        let (age, memory) = (number("heartbeat_age_ms"), number("rss_bytes") >> 20);
        let is = slot["state"].as_str().unwrap_or("?");
        stage.say(&format!(
            "  worker {worker}  {is}  pid {pid}  heartbeat {age} ms ago  {memory} MB  \
             {requests} requests"
        ));
    }
}

/// Ends `load`: no more requests than `held` may be lost.
fn account(stage: &mut Stage, load: Load, held: u64) {
    for ledger in load.finish() {
        stage.account(&ledger);
        let lost = ledger.lost() + ledger.refused;
        stage.finding(lost <= held && ledger.balances(), ledger.to_string());
        if held > 0 {
            let again = count(usize::try_from(ledger.retried).unwrap_or(usize::MAX), "request");
            stage.say(&format!(
                "{again} of {held} clients had to be sent again, and {lost} could not be."
            ));
            stage.say("The sick worker held no more than that.");
        }
    }
}

fn end(stage: &mut Stage, cluster: &Cluster) -> Kept {
    stage.step("SIGTERM: all of them drain");
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(Duration::from_secs(15))?;
    stage.finding(exit == Exit::Code(0), exit.to_string());
    let gone = cluster.wait_gone(Duration::from_secs(5));
    stage.finding(gone.is_ok(), "no process is left behind");
    Ok(())
}
