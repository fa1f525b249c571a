//! The table of open calls has `MAX_IN_FLIGHT` places, and loses none.

use std::{fs, time::Duration};

use harness::{Cluster, Kept, Signal, Trial, patience};

use crate::scene::{
    self, Asked, Doors, FAR, PROMPT, ask, door, doors, successor, take, wait_for_holding,
};

const PLACES: usize = 4;

pub(crate) fn a_call_gives_its_place_back(trial: &Trial) -> Kept {
    let delays = [("RESTART_DELAY_MS", "1"), ("RESTART_DELAY_MAX_MS", "1")];
    let cluster = trial.start(&[("MAX_IN_FLIGHT", "4"), delays[0], delays[1]])?;
    let (mut doors, _) = doors(trial, &cluster, 30)?;
    let mut descriptors = Vec::new();
    for _ in 0..3 {
        after_a_deadline(trial, &cluster, &mut doors)
            .map_err(|broken| broken.during("after calls that were not answered"))?;
        after_a_hangup(trial, &cluster, &mut doors)
            .map_err(|broken| broken.during("after clients that hung up"))?;
        after_a_death(trial, &cluster, &mut doors)
            .map_err(|broken| broken.during("after a death of the worker"))?;
        descriptors
            .push(fs::read_dir(format!("/proc/{}/fd", cluster.pid)).map_or(0, Iterator::count));
    }
    let expected = format!("{} descriptors in the primary after each round", descriptors[0]);
    let observed = format!("{descriptors:?}");
    trial.expect(descriptors.windows(2).all(|pair| pair[0] == pair[1]), expected, observed)
}

/// Four calls without an answer; a fifth is refused while they are open.
fn after_a_deadline(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let deadline = patience(Duration::from_secs(3));
    let calls = open(trial, doors, &format!("timeout_ms={}", deadline.as_millis()))?;
    let ended = ask(door(trial, doors, 1)?, format!("/ask/2?text=fifth&{FAR}")).ended();
    let is_open = calls.iter().all(|call| !call.is_over());
    let waits = ended.answer.as_ref().is_ok_and(|answer| answer.retry_after.is_some());
    let expected = "503 with Retry-After for the fifth call, while four are open";
    trial.expect(is_open && ended.status() == 503 && waits, expected, ended.describe())?;
    doors.entry(1).or_default().push(ended.connection);
    for call in calls {
        let ended = call.ended();
        trial.expect(ended.status() == 504, "504 at the deadline", ended.describe())?;
        doors.entry(1).or_default().push(ended.connection);
    }
    four_are_answered(trial, cluster, doors, Duration::ZERO)
}

fn after_a_hangup(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let deadline = patience(Duration::from_secs(2));
    for _ in 0..PLACES {
        let mut connection = door(trial, doors, 1)?;
        let path = format!("/ask/2?fault=never&timeout_ms={}", deadline.as_millis());
        let request = harness::wire::request("GET", &path, "");
        let sent = connection.send(request.as_bytes());
        sent.map_err(|failure| trial.broken("a request that is sent", failure.to_string()))?;
        doors.entry(0).or_default().push(connection);
    }
    let held = wait_for_holding(trial, door(trial, doors, 2)?, 4)?;
    doors.entry(2).or_default().push(held);
    doors.remove(&0);
    trial.recorder.observe("the four clients hang up");
    four_are_answered(trial, cluster, doors, deadline)
}

fn after_a_death(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let second = scene::pid_of(trial, doors, 2)?;
    let calls = open(trial, doors, FAR)?;
    cluster.signal_process(second, Signal::SIGKILL)?;
    for call in calls {
        let ended = call.ended();
        trial.expect(ended.status() == 502, "502", ended.describe())?;
        doors.entry(1).or_default().push(ended.connection);
    }
    doors.remove(&2);
    let (_, connection) = successor(trial, cluster, 2, &[second])?;
    doors.entry(2).or_default().push(connection);
    let (_, connection) = successor(trial, cluster, 2, &[second])?;
    doors.entry(2).or_default().push(connection);
    four_are_answered(trial, cluster, doors, Duration::ZERO)
}

/// Four calls that the worker holds and does not answer.
fn open(trial: &Trial, doors: &mut Doors, limit: &str) -> Kept<Vec<Asked>> {
    let path = format!("/ask/2?fault=never&{limit}");
    let connections = take(trial, doors, &[1], PLACES)?;
    let calls = connections.into_iter().map(|connection| ask(connection, path.clone()));
    let calls = calls.collect();
    let held = wait_for_holding(trial, door(trial, doors, 2)?, 4)?;
    doors.entry(2).or_default().push(held);
    Ok(calls)
}

/// All four at once: each place is free, at the latest `within` this time and a moment. The worker
/// that asks may say 504 before the primary has come to the same deadline.
fn four_are_answered(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    within: Duration,
) -> Kept {
    let limit = within + patience(PROMPT);
    let mut refused = 0;
    let freed = processes::until(limit, || match four_at_once(trial, doors) {
        Ok(0) => Some(Ok(())),
        Ok(number) if cluster.is_running() => {
            refused = number;
            None
        }
        Ok(_) => Some(Err(trial.broken("a primary that runs", "it has ended"))),
        Err(broken) => Some(Err(broken)),
    });
    let observed = format!("503 for {refused} of them, each time, for {} s", limit.as_secs());
    freed.unwrap_or_else(|| Err(trial.broken("200 for four calls at once", observed)))?;
    trial.recorder.observe("four calls at once: 200 each");
    Ok(())
}

/// How many of four calls at once are refused.
fn four_at_once(trial: &Trial, doors: &mut Doors) -> Kept<usize> {
    let connections = take(trial, doors, &[1], PLACES)?;
    let path = format!("/ask/2?text=x&ms=200&{FAR}");
    let calls: Vec<Asked> =
        connections.into_iter().map(|connection| ask(connection, path.clone())).collect();
    let mut refused = 0;
    for call in calls {
        let ended = call.ended();
        let status = ended.status();
        let observed = ended.describe();
        trial.expect([200, 503].contains(&status), "200 for four calls at once", observed)?;
        refused += usize::from(status == 503);
        doors.entry(1).or_default().push(ended.connection);
    }
    Ok(refused)
}
