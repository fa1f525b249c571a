//! Workers whose heartbeats do not come, and workers whose heartbeats come late.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial,
    busy::Busy,
    patience,
    who::{Who, children, whole},
};

use crate::scene::{self, FAST, PROMPT, Seen, WORKERS, all_answer, left_alone, meet_all, with};

/// A drain timeout longer than any check.
const NO_HURRY: (&str, &str) = ("DRAIN_TIMEOUT_MS", "600000");
/// How long it may take until a silent worker is replaced: the timeout is 2 s.
const SOON: Duration = Duration::from_secs(8);

pub(crate) fn a_frozen_worker_is_replaced(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[NO_HURRY]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (frozen, _) = scene::take(trial, &mut met, 2)?;
    cluster.signal_process(frozen.pid, Signal::SIGSTOP)?;
    let there = scene::replaced(trial, &cluster, frozen.pid, SOON)
        .map_err(|broken| broken.advice("A stopped process hears no SIGTERM, and no order."))?;
    others_stay(trial, &there, &met.into_keys().collect())
}

/// Its other threads run on: one that accepts, and perhaps one that sends heartbeats.
pub(crate) fn a_worker_whose_loop_is_blocked_is_replaced(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[NO_HURRY]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (blocked, kept) = scene::take(trial, &mut met, 2)?;
    let _never_answered = cluster.get_on(kept, "/block?ms=600000").sent()?;
    let there = scene::replaced(trial, &cluster, blocked.pid, SOON).map_err(|broken| {
        broken.advice("Its event loop is stuck. What sends its heartbeats, and on which thread?")
    })?;
    others_stay(trial, &there, &met.into_keys().collect())
}

fn others_stay(trial: &Trial, there: &BTreeSet<u32>, others: &BTreeSet<u32>) -> Kept {
    let gone: Vec<_> = others.difference(there).map(u32::to_string).collect();
    let observed = format!("replaced, too: pid {}", gone.join(", pid "));
    trial.expect(gone.is_empty(), "the other workers are left alone", observed).map_err(|broken| {
        broken.advice("Those send heartbeats all the time. What does a heartbeat change?")
    })
}

pub(crate) fn a_healthy_cluster_is_left_alone(trial: &Trial) -> Kept {
    on_a_busy_machine(trial).map_err(|broken| broken.during("every core busy"))?;
    behind_a_primary_that_was_starved(trial)
        .map_err(|broken| broken.during("a primary that was stopped for longer than the timeout"))
}

/// One worker takes longer to start than it may be silent later.
fn on_a_busy_machine(trial: &Trial) -> Kept {
    let faults = [("FAULTS", "1.0.0/3:slow-start:2600"), ("READY_TIMEOUT_MS", "60000")];
    let cluster = trial.start(&with(FAST, &faults))?;
    let mut there = BTreeSet::new();
    processes::until(patience(PROMPT), || {
        there = children(&cluster);
        (there.len() == WORKERS).then_some(())
    });
    let _busy = Busy::every_core();
    trial.recorder.observe("busy loops begin, two for each core");
    left_alone(trial, &cluster, &there, Duration::from_secs(3))?;
    let answering = all_answer(trial, &cluster)?;
    trial.expect(answering == there, "the same three workers", format!("{answering:?}"))
}

/// First the primary alone is stopped, as on a machine without CPU to spare; then all processes, as on a
/// laptop whose lid was closed. The primary goes on before its workers do. Afterwards it must notice a
/// worker that is really silent, as before.
fn behind_a_primary_that_was_starved(trial: &Trial) -> Kept {
    let cluster = trial.start(&FAST)?;
    let there = all_answer(trial, &cluster)?;
    let primary = [cluster.pid];
    let all: Vec<u32> = primary.into_iter().chain(there.iter().copied()).collect();
    for stopped in [&primary[..], &all] {
        for pid in stopped {
            cluster.signal_process(*pid, Signal::SIGSTOP)?;
        }
        // For longer than the timeout the primary hears no worker.
        let dies = || (!there.iter().all(|pid| processes::is_alive(*pid))).then_some(());
        processes::until(patience(Duration::from_millis(2300)), dies);
        cluster.signal_process(cluster.pid, Signal::SIGCONT)?;
        scene::health(trial, &cluster)?;
        for pid in &stopped[1..] {
            cluster.signal_process(*pid, Signal::SIGCONT)?;
        }
        left_alone(trial, &cluster, &there, Duration::from_millis(500)).map_err(|broken| {
            broken.advice(
                "The primary heard no worker for 2.3 s, because it did not run. What tells it so?",
            )
        })?;
    }
    the_allowance_ends(trial, &cluster, &there)
}

/// The primary notices a frozen worker about as soon as a primary that never slept. How soon that is
/// depends on the machine, so both are timed side by side.
fn the_allowance_ends(trial: &Trial, slept: &Cluster, there: &BTreeSet<u32>) -> Kept {
    let fresh = trial.start(&FAST)?;
    let mut frozen = Vec::new();
    for (cluster, workers) in [(&fresh, &all_answer(trial, &fresh)?), (slept, there)] {
        let pid = workers.first().copied();
        let pid = pid.ok_or_else(|| trial.broken("three workers", "there are none"))?;
        cluster.signal_process(pid, Signal::SIGSTOP)?;
        frozen.push(pid);
    }
    let began = Instant::now();
    let gone_after = |pid: u32, limit: Duration| {
        let is_gone = || (!processes::is_alive(pid)).then(|| began.elapsed());
        processes::until(patience(limit), is_gone)
    };
    let usual = gone_after(frozen[0], PROMPT).unwrap_or(PROMPT);
    // 4.6 s more is too much.
    let limit = usual + Duration::from_secs(3);
    let expected = format!("pid {} is replaced within {:.1} s", frozen[1], limit.as_secs_f64());
    let found = gone_after(frozen[1], limit.saturating_sub(began.elapsed()));
    let observed =
        format!("pid {} is still there after {:.1} s", frozen[1], began.elapsed().as_secs_f64());
    trial.expect(found.is_some(), expected, observed).map_err(|broken| {
        broken.advice("The primary slept for 4.6 s, long ago. For how long may it allow for that?")
    })
}

pub(crate) fn a_worker_that_is_frozen_for_a_while_is_left_alone(trial: &Trial) -> Kept {
    what_is_over_is_forgotten(trial)?;
    a_late_heartbeat_says_so(trial)
}

/// Twice, each time for more than half of the timeout.
fn what_is_over_is_forgotten(trial: &Trial) -> Kept {
    let timing = [("HEARTBEAT_MS", "200"), ("HEARTBEAT_TIMEOUT_MS", "4000")];
    let cluster = trial.start(&timing)?;
    let mut met = meet_all(trial, &cluster)?;
    let there: BTreeSet<u32> = met.keys().copied().collect();
    let (who, mut kept) = scene::take(trial, &mut met, 2)?;
    for turn in ["the first time", "the second time"] {
        cluster.signal_process(who.pid, Signal::SIGSTOP)?;
        is_silent_for(trial, &cluster, &who, 2600).map_err(|broken| broken.during(turn))?;
        cluster.signal_process(who.pid, Signal::SIGCONT)?;
        let reply = whole(trial, cluster.get_on(kept, "/"));
        kept = reply.map_err(|broken| broken.expected("an answer, once it goes on"))?.1.connection;
    }
    left_alone(trial, &cluster, &there, Duration::from_secs(1))
}

/// The heartbeat after the silence is more than a second late, and the last one for a while.
fn a_late_heartbeat_says_so(trial: &Trial) -> Kept {
    let timing = [("HEARTBEAT_MS", "1500"), ("HEARTBEAT_TIMEOUT_MS", "60000")];
    let cluster = trial.start(&timing)?;
    let (who, _kept) = scene::take(trial, &mut meet_all(trial, &cluster)?, 2)?;
    cluster.signal_process(who.pid, Signal::SIGSTOP)?;
    is_silent_for(trial, &cluster, &who, 2600)?;
    cluster.signal_process(who.pid, Signal::SIGCONT)?;
    let expected = format!("worker {} with a lag_ms of 1000 or more", who.worker);
    let is_it = |seen: &Seen| seen.lag_ms >= 1000;
    scene::health_shows(trial, &cluster, who.worker, &expected, PROMPT, is_it)
        .map(|_| ())
        .map_err(|broken| broken.advice("A heartbeat was due long ago. What says how long?"))
}

fn is_silent_for(trial: &Trial, cluster: &Cluster, who: &Who, millis: u64) -> Kept {
    let (mut age, mut failed) = (0, None);
    processes::until(patience(PROMPT), || {
        match scene::health(trial, cluster) {
            Ok((_, slots)) => {
                let slot = slots.into_iter().find(|slot| slot.pid == Some(who.pid));
                age = slot.and_then(|slot| slot.heartbeat_age_ms).unwrap_or(age);
            }
            Err(broken) => failed = Some(broken),
        }
        (failed.is_some() || age >= millis || !processes::is_alive(who.pid)).then_some(())
    });
    if let Some(broken) = failed {
        return Err(broken);
    }
    let observed = format!("pid {} is gone, after a silence of {age} ms", who.pid);
    let expected = format!("worker {} is left alone: that is less than the timeout", who.worker);
    trial.expect(processes::is_alive(who.pid), expected, observed)?;
    let observed = format!("GET /health: worker {}, heartbeat {age} ms ago", who.worker);
    trial.expect(age >= millis, format!("{millis} ms or more"), observed.clone())?;
    trial.recorder.observe(observed);
    Ok(())
}
