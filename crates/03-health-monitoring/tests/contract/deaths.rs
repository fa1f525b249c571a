//! Workers that die again and again, and the shutdown.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use events::Exit;
use harness::{
    Cluster, Kept, Signal, Trial, patience,
    receiver::Receiver,
    who::{children, greet_patiently, whole},
};

use crate::{
    alerts::{self, is_alert},
    scene::{self, FAST, LEAK, MEMORY, PROMPT, SLOW, Seen, WORKERS, meet_all, with},
};

pub(crate) fn a_worker_that_dies_at_each_start_is_given_up(trial: &Trial) -> Kept {
    dies_at_each_start(trial)?;
    is_sick_again(trial).map_err(|broken| broken.during("a worker that is sick again and again"))
}

/// Each of its workers leaks.
fn is_sick_again(trial: &Trial) -> Kept {
    let receiver = alerts::receiver(trial)?;
    let url = receiver.url();
    let settings = [MEMORY, ("MAX_RESTARTS", "1"), ("ALERT_URL", url.as_str())];
    let cluster = trial.start(&with(FAST, &settings))?;
    let mut met = meet_all(trial, &cluster)?;
    let (first, kept) = scene::take(trial, &mut met, 3)?;
    whole(trial, cluster.get_on(kept, LEAK))?;
    scene::replaced(trial, &cluster, first.pid, PROMPT)?;
    let (_, kept) = scene::take(trial, &mut meet_all(trial, &cluster)?, 3)?;
    whole(trial, cluster.get_on(kept, LEAK))?;
    alerts::told(trial, &receiver, 3, "critical", "given-up").map_err(|broken| {
        broken.advice("Which workers count in the streak beside those that died?")
    })
}

/// Five restarts, after 0, 300, 600, 1200 and 2400 ms: with jitter half of that at least, and more
/// than five times the same. A busy machine makes all of it longer, so only what is too short counts.
fn dies_at_each_start(trial: &Trial) -> Kept {
    let receiver = alerts::receiver(trial)?;
    let url = receiver.url();
    let settings = [
        ("FAULTS", "1.0.0/3:crash-at-start"),
        ("MAX_RESTARTS", "5"),
        ("RESTART_DELAY_MS", "300"),
        ("RESTART_DELAY_MAX_MS", "2400"),
        ("ALERT_URL", url.as_str()),
    ];
    let began = Instant::now();
    let cluster = trial.start(&with(FAST, &settings))?;
    given_up(trial, &cluster, &receiver)?;
    let took = began.elapsed();
    let observed = format!("given up {:.1} s after its start", took.as_secs_f64());
    trial.recorder.observe(observed.clone());
    let expected = "delays that grow: 0, 0.3, 0.6, 1.2, 2.4 s, or half of that with jitter";
    trial.expect(took >= Duration::from_millis(2200), expected, observed)?;
    let expected = "worker 3 is given up, after 5 restarts";
    let is_it = |seen: &Seen| seen.state == "given-up" && seen.restarts == 5;
    scene::health_shows(trial, &cluster, 3, expected, PROMPT, is_it)?;
    // A program that goes on trying does so within the longest delay.
    let there = children(&cluster);
    let observed = format!("{} workers", there.len());
    trial.expect(there.len() == WORKERS - 1, "the two others", observed)?;
    let mut tried = Seen::default();
    processes::until(patience(Duration::from_millis(2700)), || {
        let Ok((_, slots)) = scene::health(trial, &cluster) else { return None };
        tried = slots.into_iter().find(|slot| slot.worker == 3).unwrap_or_default();
        (tried.restarts > 5 || children(&cluster) != there).then_some(())
    });
    let observed = format!("{} restarts by now", tried.restarts);
    trial.expect(tried.restarts == 5, "no more starts after it was given up", observed)?;
    two_serve(trial, &cluster)
}

/// Waits for the alert. The two others serve meanwhile.
fn given_up(trial: &Trial, cluster: &Cluster, receiver: &Receiver) -> Kept {
    let limit = patience(Duration::from_secs(15));
    let (mut failed, mut third) = (None, Seen::default());
    let is_told = || {
        let bodies = receiver.bodies();
        bodies.iter().any(|body| is_alert(body, 3, "critical", "given-up"))
    };
    processes::until(limit, || {
        let asked = two_serve(trial, cluster).and_then(|()| scene::health(trial, cluster));
        match asked {
            Ok((_, slots)) => {
                third = slots.into_iter().find(|slot| slot.worker == 3).unwrap_or_default();
            }
            Err(broken) => failed = Some(broken),
        }
        (failed.is_some() || third.restarts > 5 || is_told()).then_some(())
    });
    if let Some(broken) = failed {
        // A primary that has ended does not answer either; which request finds out first is chance.
        let ended = cluster.wait_exit_quietly(patience(Duration::from_secs(1)));
        return Err(ended.map_or(broken, |exit| {
            trial.broken("the others serve", format!("the primary has ended ({exit})"))
        }));
    }
    let restarts = third.restarts;
    let expected = "worker 3 is given up, after 5 restarts";
    trial.expect(restarts <= 5, expected, format!("{restarts} restarts by now"))?;
    let state = third.state();
    let observed = format!("no such alert within {} s: worker 3 is {state}", limit.as_secs());
    trial.expect(is_told(), "an alert: worker 3, critical, given-up", observed)
}

fn two_serve(trial: &Trial, cluster: &Cluster) -> Kept {
    let answers = greet_patiently(cluster, "/", patience(PROMPT)).len();
    let observed = format!("{answers} of 8 requests are answered");
    trial.expect(answers == 8, "the others serve", observed)
}

/// The slot is given up after one restart, then gets one start each 1.5 s: a half-open breaker.
pub(crate) fn a_slot_that_was_given_up_is_tried_again(trial: &Trial) -> Kept {
    const RETRY: Duration = Duration::from_millis(1500);
    let settings = [
        ("FAULTS", "1.0.0/3:crash-at-start"),
        ("MAX_RESTARTS", "1"),
        ("RESTART_DELAY_MS", "100"),
        ("RETRY_AFTER_MS", "1500"),
    ];
    let began = Instant::now();
    let cluster = trial.start(&with(FAST, &settings))?;
    let expected = "worker 3 was started again 3 times, or more";
    let is_it = |seen: &Seen| seen.restarts >= 3;
    let Seen { restarts, .. } = scene::health_shows(trial, &cluster, 3, expected, PROMPT, is_it)?;
    let took = began.elapsed();
    // The first restart is immediate. A late answer may count more restarts.
    let tries = u32::try_from(restarts - 1).unwrap_or(u32::MAX);
    let observed = format!("{restarts} restarts within {:.1} s", took.as_secs_f64());
    let expected = "one start each RETRY_AFTER_MS=1500, once the slot is given up";
    trial.expect(took >= RETRY * tries, expected, observed)?;
    two_serve(trial, &cluster)
}

/// The frozen worker does not hear the order to drain. Another one holds a request.
pub(crate) fn shutdown_works_while_a_worker_is_frozen(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(SLOW, &[("DRAIN_TIMEOUT_MS", "1500")]))?;
    let mut met = meet_all(trial, &cluster)?;
    let (frozen, _) = scene::take(trial, &mut met, 2)?;
    let (_, kept) = scene::take(trial, &mut met, 1)?;
    cluster.signal_process(frozen.pid, Signal::SIGSTOP)?;
    let held = cluster.get_on(kept, "/slow?ms=700").in_flight()?;
    cluster.signal(Signal::SIGTERM);
    whole(trial, held)?;
    let exit = cluster.wait_exit(PROMPT).map_err(|broken| {
        broken.advice(format!("Pid {} is stopped. What ends it, and when?", frozen.pid))
    })?;
    let expected = "exit code 1: a worker had to be killed";
    trial.expect(exit == Exit::Code(1), expected, exit.to_string())?;
    cluster.wait_gone(Duration::from_secs(5))
}

/// All are frozen. The primary replaces one, and waits until its successor is ready, which takes a while.
pub(crate) fn sick_workers_go_one_at_a_time(trial: &Trial) -> Kept {
    let cluster = trial.start(&with(FAST, &[("FAULTS", "1.0.0:slow-start:1000")]))?;
    let old: BTreeSet<u32> = meet_all(trial, &cluster)?.into_keys().collect();
    for pid in &old {
        cluster.signal_process(*pid, Signal::SIGSTOP)?;
    }
    let mut most_missing = 0;
    let done = processes::until(patience(Duration::from_secs(20)), || {
        let dead = old.iter().filter(|pid| !processes::is_alive(**pid)).count();
        // Asked after that: a worker that is ready now may have been ready then.
        let Ok((_, slots)) = scene::health(trial, &cluster) else { return None };
        let is_new =
            |slot: &&Seen| slot.state == "ready" && slot.pid.is_some_and(|pid| !old.contains(&pid));
        most_missing = most_missing.max(dead.saturating_sub(slots.iter().filter(is_new).count()));
        (most_missing > 1 || dead == WORKERS).then_some(())
    });
    let observed = format!("{most_missing} of the 3 were missing at once");
    trial.expect(
        most_missing <= 1,
        "one at a time, each when the last one's successor is ready",
        observed,
    )?;
    trial.expect(done.is_some(), "all three are replaced in the end", "they are not")?;
    scene::all_answer(trial, &cluster).map(|_| ())
}
