//! No call is left without an answer at the end.

use events::Exit;
use harness::{Cluster, Kept, Signal, Trial, patience, wire::request};
use serde_json::json;

use crate::{
    inbox::{note, wait_for_messages},
    scene::{
        self, Asked, Doors, FAR, PROMPT, ask, door, doors, freeze, get, post_rest, successor, take,
        wait_for_holding,
    },
};

pub(crate) fn shutdown_answers_every_open_call(trial: &Trial) -> Kept {
    calls_are_answered(trial)?;
    a_frozen_worker_is_504(trial).map_err(|broken| broken.during("with a frozen worker"))
}

/// The worker that is asked has no client of its own, and stays until the others need it no more.
fn calls_are_answered(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "240000")])?;
    let (mut doors, _) = doors(trial, &cluster, 6)?;
    losses_of_its_life(trial, &cluster, &mut doors)?;
    let open = |connection| ask(connection, format!("/ask/2?text=bye&ms=2000&{FAR}"));
    let calls: Vec<Asked> = take(trial, &mut doors, &[1, 3], 10)?.into_iter().map(open).collect();
    wait_for_holding(trial, door(trial, &mut doors, 2)?, 10)?;
    let mut begun = door(trial, &mut doors, 3)?;
    let head = request("POST", &format!("/ask/2?{FAR}"), "bye");
    let is_sent = begun.send(&head.as_bytes()[..head.len() - 2]).is_ok();
    trial.expect(is_sent, "a request that is sent, but for two bytes", "a closed connection")?;
    drop(doors);
    cluster.signal(Signal::SIGTERM);
    until_it_is_heard(trial, &cluster)?;
    let last = post_rest(begun, "ye");
    for call in calls.into_iter().chain([last]) {
        let ended = call.ended();
        let expected = "200 for a call of a request that was open at SIGTERM";
        trial.expect(ended.text().as_deref() == Some("bye"), expected, ended.describe())?;
    }
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())?;
    cluster.wait_gone(PROMPT)
}

/// The exit code speaks of the shutdown alone: what a death and a deadline have ended long before it is
/// no loss of the shutdown.
fn losses_of_its_life(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let second = scene::pid_of(trial, doors, 2)?;
    // Worker 3, because worker 2 must hold no other call than the one that it dies with.
    let late = "/ask/3?fault=never&timeout_ms=200";
    let (connection, _) = get(trial, door(trial, doors, 1)?, late, 504)?;
    let call = ask(connection, format!("/ask/2?fault=never&{FAR}"));
    wait_for_holding(trial, door(trial, doors, 2)?, 1)?;
    cluster.signal_process(second, Signal::SIGKILL)?;
    let ended = call.ended();
    trial.expect(ended.status() == 502, "502 for a call to a killed worker", ended.describe())?;
    let (_, connection) = successor(trial, cluster, 2, &[second])?;
    doors.insert(2, vec![connection]);
    Ok(())
}

/// From the first refusal on each worker knows of the signal: all share one listener.
fn until_it_is_heard(trial: &Trial, cluster: &Cluster) -> Kept {
    let refused = processes::until(patience(PROMPT), || {
        let is_refused = match cluster.try_connect() {
            Ok(mut connection) => connection.get("/").map_or(true, |answer| answer.status == 503),
            Err(_) => true,
        };
        is_refused.then_some(())
    });
    trial.expect(refused.is_some(), "a new connection is refused", "each one is served")
}

/// Half of the drain timeout is for calls, so that their callers hear of it.
fn a_frozen_worker_is_504(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("DRAIN_TIMEOUT_MS", "4000")])?;
    let (mut doors, _) = doors(trial, &cluster, 4)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    let call = ask(door(trial, &mut doors, 1)?, format!("/ask/2?fault=never&{FAR}"));
    wait_for_holding(trial, door(trial, &mut doors, 2)?, 1)?;
    freeze(trial, &cluster, frozen)?;
    let gatherings = gather(trial, &mut doors)?;
    cluster.signal(Signal::SIGTERM);
    let ended = call.ended();
    let expected = "504 for a call to a frozen worker, and no reset";
    trial.expect(ended.status() == 504, expected, ended.describe())?;
    for (path, call) in gatherings {
        let ended = call.ended();
        let missing = json!([{ "worker": 2, "why": "timeout" }]);
        let is_right = ended.status() == 200 && ended.json()["missing"] == missing;
        let expected = format!("{path}: 200 with missing: {missing}");
        trial.expect(is_right, expected, format!("{path}: {}", ended.describe()))?;
    }
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(1), "exit code 1: a worker was killed", exit.to_string())?;
    cluster.wait_gone(PROMPT)
}

/// `/stats` and a broadcast that wait for the frozen worker. Each is in its worker's kernel before the
/// signal.
fn gather(trial: &Trial, doors: &mut Doors) -> Kept<Vec<(&'static str, Asked)>> {
    let mut calls = Vec::new();
    for (from, path) in [(3, "/stats"), (1, "/broadcast")] {
        let mut connection = door(trial, doors, from)?;
        let sent = connection.send(request("GET", &format!("{path}?text=b&{FAR}"), "").as_bytes());
        trial.expect(sent.is_ok(), "a request that is sent", "a closed connection")?;
        calls.push((path, post_rest(connection, "")));
    }
    for slot in [1, 3] {
        wait_for_messages(trial, door(trial, doors, slot)?, &[note(1, "b")])?;
    }
    Ok(calls)
}
