//! What `/health` and `/metrics` say, and when.

use std::{collections::BTreeMap, fs};

use harness::{
    Broken, Cluster, Kept, Signal, Trial,
    client::ask_text,
    patience,
    who::{Who, whole},
    wire::Connection,
};

use nix::unistd::{SysconfVar, sysconf};

use crate::{
    prometheus::{Metrics, parse},
    scene::{self, FAST, PROMPT, SLOW, Seen, WORKERS, admin, health, meet_all, with},
};

const MB: u64 = 1 << 20;

/// With heartbeats a minute apart: what a process uses is seen from outside, and does not wait.
pub(crate) fn health_lists_every_worker_with_true_figures(trial: &Trial) -> Kept {
    let cluster = trial.start(&SLOW)?;
    let mut met = meet_all(trial, &cluster)?;
    // A worker may answer before its primary has read that it is ready.
    for (who, _) in met.values() {
        let expected = format!("worker {} is ready", who.worker);
        let is_it = |seen: &Seen| seen.state == "ready";
        scene::health_shows(trial, &cluster, who.worker, &expected, PROMPT, is_it)?;
    }
    let before = true_figures(trial, &cluster, &met)?;
    let (who, kept) = scene::take(trial, &mut met, 2)?;
    let (_, reply) = whole(trial, cluster.get_on(kept, "/leak?mb=40"))?;
    met.insert(who.pid, (who.clone(), reply.connection));
    let after = true_figures(trial, &cluster, &met)?;
    let rss =
        |seen: &[Seen]| seen.iter().find(|s| s.pid == Some(who.pid)).map_or(0, |s| s.rss_bytes);
    let grown = rss(&after).saturating_sub(rss(&before)) / MB;
    let observed = format!("GET /health: {grown} MB more for pid {}", who.pid);
    trial.expect(grown >= 35, "about 40 MB more after /leak?mb=40", observed)?;
    a_senseless_setting_is_refused(trial)
}

/// A timeout of less than two heartbeats, 3 s each by default, would take every worker for dead.
fn a_senseless_setting_is_refused(trial: &Trial) -> Kept {
    for (name, value) in [
        ("WORKERS", "0"),
        ("MEMORY_LIMIT_MB", "much"),
        ("HEARTBEAT_TIMEOUT_MS", "5999"),
        ("ALERT_URL", "https://127.0.0.1:9000/alerts"),
    ] {
        trial.refuses(name, value)?;
    }
    trial.refuses_a_port_in_use("ADMIN_PORT")
}

fn true_figures(
    trial: &Trial,
    cluster: &Cluster,
    met: &BTreeMap<u32, (Who, Connection)>,
) -> Kept<Vec<Seen>> {
    let (status, slots) = health(trial, cluster)?;
    let numbers: Vec<u32> = slots.iter().map(|slot| slot.worker).collect();
    trial.recorder.observe(format!("GET /health: {status}, workers {numbers:?}"));
    trial.expect(status == 200, "200: all are well", format!("GET /health: {status}"))?;
    trial.expect(numbers == [1, 2, 3], "workers 1, 2, 3", format!("workers {numbers:?}"))?;
    for (pid, (who, _)) in met {
        let slot = slots.iter().find(|slot| slot.worker == who.worker);
        let slot = slot.cloned().unwrap_or_default();
        let says = format!("GET /health: worker {}", who.worker);
        let observed = format!("{says} is pid {:?}, {}", slot.pid, slot.state());
        let is_it = slot.pid == Some(*pid) && slot.state == "ready";
        trial.expect(is_it, format!("worker {}, pid {pid}, ready", who.worker), observed)?;
        let observed = format!("{says} has no heartbeat_age_ms");
        trial.expect(slot.heartbeat_age_ms.is_some(), "the age of its heartbeat", observed)?;
        let truth = resident(*pid);
        let observed = format!("{says} uses {} MB", slot.rss_bytes / MB);
        let expected = format!("about {} MB, as /proc/{pid}/statm has it", truth / MB);
        let tolerance = truth / 4 + 4 * MB;
        trial.expect(slot.rss_bytes.abs_diff(truth) <= tolerance, expected, observed)?;
    }
    Ok(slots)
}

/// The resident set size of `pid`. Only Linux has this file.
fn resident(pid: u32) -> u64 {
    let pages = |statm: String| statm.split(' ').nth(1)?.parse::<u64>().ok();
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    let page = page.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
    fs::read_to_string(format!("/proc/{pid}/statm")).ok().and_then(pages).map_or(0, |n| n * page)
}

pub(crate) fn counters_never_go_down(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[("ERROR_RATE_LIMIT", "100")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (victim, mut kept) = scene::take(trial, &mut met, 1)?;
    let worker = format!("worker=\"{}\"", victim.worker);
    let requests = format!("worker_requests_total{{{worker}}}");
    let errors = format!("worker_errors_total{{{worker}}}");
    for path in ["/error", "/error", "/error", "/error", "/", "/", "/"] {
        let answer = kept.get(path).map(|answer| answer.status);
        let expected = if path == "/" { 200 } else { 500 };
        let observed = format!("GET {path}: {answer:?}");
        trial.expect(answer == Ok(expected), format!("GET {path}: {expected}"), observed)?;
    }
    let known = |metrics: &Metrics| {
        let value = |name: &str| metrics.value(name).unwrap_or(0.0);
        value(&requests) >= 8.0 && value(&errors) >= 4.0
    };
    let expected = format!("{requests} of 8 or more, and 4 errors");
    let before = metrics_show(trial, &cluster, &expected, known)?;
    // Twice: the counts of the second one must not replace those of the first.
    let mut dying = victim.pid;
    for _ in 0..2 {
        cluster.signal_process(dying, Signal::SIGKILL)?;
        scene::replaced(trial, &cluster, dying, PROMPT)?;
        let is_there =
            |seen: &Seen| seen.state == "ready" && seen.pid.is_some_and(|pid| pid != dying);
        let expected = format!("worker {} has a successor", victim.worker);
        let seen =
            scene::health_shows(trial, &cluster, victim.worker, &expected, PROMPT, is_there)?;
        dying = seen.pid.unwrap_or_default();
    }
    let restarts = format!("worker_restarts_total{{{worker}}}");
    let restarted = |metrics: &Metrics| {
        metrics.value(&restarts).unwrap_or(0.0) >= 2.0
            && metrics.value(&format!("worker_up{{{worker}}}")) == Some(1.0)
    };
    let after = metrics_show(trial, &cluster, &format!("{restarts} of 2"), restarted)?;
    for (series, value) in before.counters() {
        let now = after.value(series);
        let is = now.map_or("gone".to_owned(), |now| now.to_string());
        let observed = format!("{series} was {value}, and is {is} after a replacement");
        let is_kept = now.is_some_and(|now| now >= value);
        trial.expect(is_kept, "counters that never go down", observed).map_err(|broken| {
            broken.advice("A worker counts from zero. Where is what the last one counted?")
        })?;
    }
    Ok(())
}

fn metrics_show(
    trial: &Trial,
    cluster: &Cluster,
    expected: &str,
    is_it: impl Fn(&Metrics) -> bool,
) -> Kept<Metrics> {
    let limit = patience(PROMPT);
    let mut last = Err(Broken::new(expected, "it was not asked"));
    processes::until(limit, || {
        last = metrics(trial, cluster);
        last.as_ref().map_or(true, &is_it).then_some(())
    });
    let metrics = last?;
    let observed = format!("GET /metrics, {} s later: {}", limit.as_secs(), metrics.brief());
    trial.expect(is_it(&metrics), expected, observed)?;
    trial.recorder.observe(format!("GET /metrics: {}", metrics.brief()));
    Ok(metrics)
}

fn metrics(trial: &Trial, cluster: &Cluster) -> Kept<Metrics> {
    let expected = "GET /metrics: 200 and Prometheus text";
    let answer = ask_text(admin(trial, cluster)?, "/metrics");
    let (status, kind, text) = answer.map_err(|error| trial.broken(expected, error.to_string()))?;
    let is_text = status == 200 && kind.starts_with("text/plain");
    trial.expect(is_text, expected, format!("GET /metrics: {status}, {kind}"))?;
    parse(&text).map_err(|line| {
        let advice = "The format: https://prometheus.io/docs/instrumenting/exposition_formats/";
        trial.broken(expected, format!("GET /metrics: {line}")).advice(advice)
    })
}

/// The workers answer nothing, and `/health` must.
pub(crate) fn health_answers_while_a_worker_is_sick(trial: &Trial) -> Kept {
    frozen_ones_hold_nothing_up(trial)?;
    let ready = |faults: &str, status: u16, ready: usize| {
        let faults = [("FAULTS", faults), ("READY_TIMEOUT_MS", "120000")];
        let cluster = trial.start(&with(SLOW, &faults))?;
        says(trial, &cluster, status, ready)
            .map_err(|broken| broken.during(&format!("with {ready} of 3 ready")))
    };
    ready("1.0.0/3:never-ready", 200, 2)?;
    ready("1.0.0/2:never-ready,1.0.0/3:never-ready", 503, 1)?;
    half_is_not_a_majority(trial).map_err(|broken| broken.during("with WORKERS=2"))?;
    a_slot_that_was_given_up_is_missed(trial)
        .map_err(|broken| broken.during("with two of 3 given up"))
}

fn half_is_not_a_majority(trial: &Trial) -> Kept {
    let faults = [("FAULTS", "1.0.0/2:never-ready"), ("READY_TIMEOUT_MS", "120000")];
    let cluster = trial.start(&with(SLOW, &[("WORKERS", "2"), faults[0], faults[1]]))?;
    says(trial, &cluster, 503, 1)
}

fn a_slot_that_was_given_up_is_missed(trial: &Trial) -> Kept {
    let faults = "1.0.0/2:crash-at-start,1.0.0/3:crash-at-start";
    let cluster = trial.start(&with(SLOW, &[("FAULTS", faults), ("MAX_RESTARTS", "1")]))?;
    for worker in [2, 3] {
        let expected = format!("worker {worker} is given up");
        let is_it = |seen: &Seen| seen.state == "given-up";
        scene::health_shows(trial, &cluster, worker, &expected, PROMPT, is_it)?;
    }
    says(trial, &cluster, 503, 1)
}

fn frozen_ones_hold_nothing_up(trial: &Trial) -> Kept {
    let cluster = trial.start(&SLOW)?;
    let met = meet_all(trial, &cluster)?;
    for pid in met.keys() {
        cluster.signal_process(*pid, Signal::SIGSTOP)?;
    }
    for _ in 0..3 {
        let (status, slots) = health(trial, &cluster)?;
        let listed = slots.iter().filter(|slot| met.keys().any(|pid| slot.pid == Some(*pid)));
        let listed = listed.count();
        let observed = format!("GET /health: {status}, and lists {listed} of them");
        trial.recorder.observe(observed.clone());
        trial.expect(listed == WORKERS, "GET /health lists the three frozen workers", observed)?;
    }
    Ok(())
}

/// Waits until exactly `ready` slots are ready. Then the status must be `status`.
fn says(trial: &Trial, cluster: &Cluster, status: u16, ready: usize) -> Kept {
    let mut last = Err(Broken::new("an answer to GET /health", "it was not asked"));
    let count = |slots: &[Seen]| slots.iter().filter(|slot| slot.state == "ready").count();
    processes::until(patience(PROMPT), || {
        last = health(trial, cluster);
        let is_over = last.as_ref().map_or(true, |(_, slots)| count(slots) == ready);
        is_over.then_some(())
    });
    let (said, slots) = last?;
    let observed = format!("GET /health: {said}, {} ready", count(&slots));
    let expected = format!("GET /health: {status}, {ready} ready");
    trial.expect(said == status && count(&slots) == ready, expected, observed.clone())?;
    trial.recorder.observe(observed);
    Ok(())
}
