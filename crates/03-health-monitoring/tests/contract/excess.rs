//! Workers that use too much, or answer too much with an error.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    Broken, Cluster, Kept, Trial,
    ledger::Ledger,
    load::{Clients, Connections, Load},
    patience,
    who::{Who, whole},
    wire::{Connection, Failure},
};

use crate::scene::{self, FAST, LEAK, MEMORY, PROMPT, meet_all, with};

const TRAFFIC: &[Clients] = &[
    Clients::new(4, Connections::KeptAlive, "/", 10),
    Clients::new(4, Connections::OnePerRequest, "/", 10),
    Clients::new(2, Connections::KeptAlive, "/slow?ms=100", 10),
];

pub(crate) fn a_worker_over_its_memory_limit_is_drained_and_replaced(trial: &Trial) -> Kept {
    nothing_is_lost_to_a_leak(trial)?;
    the_successor_comes_first(trial)
        .map_err(|broken| broken.during("a successor that starts slowly"))
}

/// The leaking worker serves until its successor can answer.
fn the_successor_comes_first(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[MEMORY, ("FAULTS", "1.0.0/2:slow-start:800")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (leaking, kept) = scene::take(trial, &mut met, 2)?;
    let mut idle = other_connection(trial, &cluster, leaking.pid)?;
    whole(trial, cluster.get_on(kept, LEAK))?;
    let goes = || idle.get("/").map_or(true, |answer| answer.closes).then_some(());
    let observed = format!("pid {} goes on serving", leaking.pid);
    trial.expect(processes::until(patience(PROMPT), goes).is_some(), "it drains", observed)?;
    trial.recorder.observe(format!("pid {} drains", leaking.pid));
    let (_, slots) = scene::health(trial, &cluster)?;
    let slot = slots.into_iter().find(|slot| slot.worker == 2).unwrap_or_default();
    let is_followed = slot.state == "ready" && slot.pid != Some(leaking.pid);
    let observed = format!("it drains, and GET /health says that worker 2 is {}", slot.state());
    trial.expect(is_followed, "a successor that is ready before it drains", observed)
}

/// One worker leaks more than it may, another one a little.
fn nothing_is_lost_to_a_leak(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[MEMORY]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (moderate, kept) = scene::take(trial, &mut met, 1)?;
    whole(trial, cluster.get_on(kept, "/leak?mb=20"))?;
    let (leaking, kept) = scene::take(trial, &mut met, 2)?;
    let held = other_connection(trial, &cluster, leaking.pid)?;
    let load = Load::start(cluster.address, TRAFFIC);
    trial.recorder.observe("10 clients begin to ask");
    trial.expect(load.wait_for(40, PROMPT), "clients that are served", "they are not")?;
    let held = cluster.get_on(held, "/slow?ms=2500").in_flight()?;
    let drain = "It hears you. Which worker takes over, and when is this one told to drain?";
    let sick = |broken: Broken| broken.during("in the leaking worker").advice(drain);
    whole(trial, cluster.get_on(kept, LEAK)).map_err(sick)?;
    let there = scene::replaced(trial, &cluster, leaking.pid, PROMPT);
    let sum = load.finish().into_iter().fold(Ledger::default(), |mut sum, ledger| {
        sum.add(&ledger);
        sum
    });
    trial.recorder.observe(format!("the clients: {sum}"));
    let there = there?;
    whole(trial, held).map_err(sick)?;
    let good = sum.answered.get(&200).copied().unwrap_or(0);
    let expected = format!("{} requests, and each is answered with 200", sum.sent);
    trial
        .expect(good == sum.sent, expected, format!("{} were not", sum.sent - good))
        .map_err(|broken| broken.advice(drain))?;
    let observed = format!("pid {} with its 20 MB was replaced, too", moderate.pid);
    trial.expect(there.contains(&moderate.pid), "one below the limit is left alone", observed)
}

/// One more connection to the process `pid`.
fn other_connection(trial: &Trial, cluster: &Cluster, pid: u32) -> Kept<Connection> {
    let mut met = meet_all(trial, cluster)?;
    met.remove(&pid)
        .map(|(_, kept)| kept)
        .ok_or_else(|| trial.broken("the same three workers", format!("pid {pid} is gone")))
}

pub(crate) fn a_worker_over_its_error_rate_is_replaced(trial: &Trial) -> Kept {
    above_the_limit(trial)?;
    what_is_long_ago_does_not_count(trial)
        .map_err(|broken| broken.during("after a window full of good answers"))
}

/// Thirty errors are too few, exactly 20 % are not too much, more than half of 110 are.
fn above_the_limit(trial: &Trial) -> Kept {
    let settings = [("MIN_REQUESTS", "100"), ("WINDOW_MS", "600000")];
    let cluster = trial.start(&with(FAST, &settings))?;
    // In a cluster that is still starting, the first worker would get all hundred requests.
    for worker in 1..=3 {
        let expected = format!("worker {worker} is ready");
        let is_ready = |seen: &scene::Seen| seen.state == "ready";
        scene::health_shows(trial, &cluster, worker, &expected, PROMPT, is_ready)?;
    }
    let mut met = meet_all(trial, &cluster)?;
    let before: BTreeSet<u32> = met.keys().copied().collect();
    let (too_few, mut first) = scene::take(trial, &mut met, 1)?;
    let (too_good, mut second) = scene::take(trial, &mut met, 2)?;
    let (sick, mut third) = scene::take(trial, &mut met, 3)?;
    fail(trial, &mut first, 30)?;
    let asked = known_requests(trial, &cluster, &too_good, &mut second)?;
    let fifth = asked.div_ceil(4).max(25);
    send(trial, &mut second, "/", fifth * 4 - (asked - 1))?;
    send(trial, &mut second, "/error", fifth - 1)?;
    for (who, errors) in [(&too_few, 30), (&too_good, fifth)] {
        let expected = format!("worker {}: {errors} errors are known", who.worker);
        // Or it is gone already, which is judged below.
        let is_known = |seen: &scene::Seen| seen.errors == errors || seen.pid != Some(who.pid);
        scene::health_shows(trial, &cluster, who.worker, &expected, PROMPT, is_known)?;
    }
    send(trial, &mut third, "/", 50)?;
    fail(trial, &mut third, 60)?;
    let there = scene::replaced(trial, &cluster, sick.pid, PROMPT)?;
    for (who, why) in [
        (&too_few, "fewer than MIN_REQUESTS=100 say nothing"),
        (&too_good, "20 % are the limit, and not over it"),
    ] {
        let observed = format!("worker {} (pid {}) was replaced, too", who.worker, who.pid);
        trial.expect(there.contains(&who.pid), format!("left alone: {why}"), observed)?;
    }
    let observed = format!("{} are new", there.difference(&before).count());
    trial.expect(there.intersection(&before).count() == 2, "one new worker", observed)
}

/// A hundred good answers, a window later twenty errors: 17 % of its life, but all of its present.
fn what_is_long_ago_does_not_count(trial: &Trial) -> Kept {
    const WINDOW: Duration = Duration::from_secs(1);
    let cluster = trial.start(&with(FAST, &[("WINDOW_MS", "1000")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let there = met.keys().copied().collect();
    let (sick, mut kept) = scene::take(trial, &mut met, 2)?;
    send(trial, &mut kept, "/", 100)?;
    let expected = "worker 2: 100 requests or more are known";
    let is_known = |seen: &scene::Seen| seen.requests >= 100;
    scene::health_shows(trial, &cluster, 2, expected, PROMPT, is_known)?;
    // A window, and two checks of it.
    scene::left_alone(trial, &cluster, &there, WINDOW + Duration::from_millis(400))?;
    fail(trial, &mut kept, 20)?;
    scene::replaced(trial, &cluster, sick.pid, PROMPT)
        .map_err(|broken| broken.advice("A rate of what, and since when?"))?;
    Ok(())
}

/// How many requests `who` has answered. The last of them is an error: once that is known, so are
/// all before it.
fn known_requests(trial: &Trial, cluster: &Cluster, who: &Who, kept: &mut Connection) -> Kept<u64> {
    send(trial, kept, "/error", 1)?;
    let expected = format!("worker {}: 1 error is known", who.worker);
    let is_known = |seen: &scene::Seen| seen.errors == 1;
    let known = scene::health_shows(trial, cluster, who.worker, &expected, PROMPT, is_known)?;
    Ok(known.requests)
}

pub(crate) fn send(trial: &Trial, kept: &mut Connection, path: &str, times: u64) -> Kept {
    for _ in 0..times {
        let answer = kept.get(path).map(|answer| answer.status);
        let wanted = if path == "/" { 200 } else { 500 };
        let observed = format!("GET {path}: {answer:?}");
        trial.expect(answer == Ok(wanted), format!("GET {path}: {wanted}"), observed)?;
    }
    trial.recorder.observe(format!("GET {path}, {times} times"));
    Ok(())
}

/// Up to `times` errors, or as many as it takes until the worker drains and closes the connection.
pub(crate) fn fail(trial: &Trial, kept: &mut Connection, times: u64) -> Kept {
    for _ in 0..times {
        match kept.get("/error").map(|answer| (answer.status, answer.closes)) {
            Ok((500, false)) => {}
            Ok((500, true)) | Err(Failure::Closed | Failure::Reset) => break,
            other => return Err(trial.broken("GET /error: 500", format!("GET /error: {other:?}"))),
        }
    }
    trial.recorder.observe(format!("GET /error, {times} times at most"));
    Ok(())
}

/// Its event loop goes on, and its heartbeats with it.
pub(crate) fn a_worker_that_burns_the_cpu_is_replaced(trial: &Trial) -> Kept {
    // Low, and several threads, because on a busy machine each of them gets a part of a core.
    let limit = [("CPU_LIMIT", "8"), ("WINDOW_MS", "2000")];
    let cluster = trial.start(&with(FAST, &limit))?;
    let mut met = meet_all(trial, &cluster)?;
    let (burning, mut kept) = scene::take(trial, &mut met, 2)?;
    for _ in 0..4 {
        kept = whole(trial, cluster.get_on(kept, "/burn?ms=600000"))?.1.connection;
    }
    let there = scene::replaced(trial, &cluster, burning.pid, Duration::from_secs(12))?;
    let gone: Vec<_> = met.keys().filter(|pid| !there.contains(pid)).collect();
    trial.expect(gone.is_empty(), "the idle ones are left alone", format!("{gone:?} are gone"))
}
