//! A worker that does not read: its callers have their deadline, its senders are refused.

use std::time::Duration;

use harness::{Cluster, Kept, Trial, patience};

use crate::{
    asker,
    inbox::{self, Note, note},
    scene::{self, Asked, Doors, FAR, PROMPT, ask, door, doors, freeze, post, take, thaw},
    sending::is_for_the_primary,
};

const CALLS: usize = 100;

pub(crate) fn a_frozen_worker_costs_its_callers_a_504_and_others_nothing(trial: &Trial) -> Kept {
    let limit = CALLS.to_string();
    let cluster = trial.start(&[("MAX_IN_FLIGHT", limit.as_str())])?;
    let (mut doors, _) = doors(trial, &cluster, CALLS / 2 + 2)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    freeze(trial, &cluster, frozen)?;
    let deadline = [patience(Duration::from_secs(8))];
    let calls = open(trial, &mut doors, &deadline)?;
    others_are_answered(trial, &mut doors, &calls)?;
    each_is_504(trial, &mut doors, calls, &deadline)?;
    one_has_a_place(trial, &cluster, &mut doors)?;
    // No whole seconds.
    let deadlines = [400, 1400, 2499].map(Duration::from_millis);
    let calls = open(trial, &mut doors, &deadlines)?;
    each_is_504(trial, &mut doors, calls, &deadlines)
        .map_err(|broken| broken.during("as many calls again"))?;
    thaw(&cluster, frozen)?;
    let connection = door(trial, &mut doors, 1)?;
    let ended = ask(connection, format!("/ask/2?text=again&{FAR}")).ended();
    let expected = "200 from the worker that runs again";
    trial.expect(ended.text().as_deref() == Some("again"), expected, ended.describe())?;
    asker::a_frozen_asker_costs_others_nothing(trial)
        .map_err(|broken| broken.during("while a worker that asks is frozen"))
}

/// Calls between the other two, while all those to the frozen worker are open.
fn others_are_answered(trial: &Trial, doors: &mut Doors, open: &[Asked]) -> Kept {
    for (from, to) in [(1, 3), (3, 1)].into_iter().cycle().take(30) {
        let connection = door(trial, doors, from)?;
        let ended = ask(connection, format!("/ask/{to}?text=well&{FAR}")).ended();
        let is_well = ended.text().as_deref() == Some("well");
        let expected = format!("a call from worker {from} to worker {to}: 200");
        trial.expect(is_well, expected, ended.describe())?;
        doors.entry(from).or_default().push(ended.connection);
    }
    let over = open.iter().filter(|call| call.is_over()).count();
    let observed =
        format!("when they were, {over} of {CALLS} calls to the frozen worker had ended");
    trial.expect(over == 0, "calls to other workers are answered meanwhile", observed)?;
    trial.recorder.observe("each of 30 calls between the other workers: 200, meanwhile");
    Ok(())
}

/// As many calls as there are places, each far longer than its part of what a socket holds: a program
/// that waits until they are written is stuck. They have the `deadlines` in turn.
fn open(trial: &Trial, doors: &mut Doors, deadlines: &[Duration]) -> Kept<Vec<Asked>> {
    let text = "x".repeat(16_384);
    let connections = take(trial, doors, &[1, 3], CALLS)?.into_iter();
    let calls = connections.zip(deadlines.iter().cycle()).map(|(connection, deadline)| {
        post(connection, "POST", format!("/ask/2?timeout_ms={}", deadline.as_millis()), &text)
    });
    let calls = calls.collect();
    trial.recorder.observe(format!("{CALLS} calls of 16 KiB to the frozen worker are sent"));
    Ok(calls)
}

fn each_is_504(
    trial: &Trial,
    doors: &mut Doors,
    calls: Vec<Asked>,
    deadlines: &[Duration],
) -> Kept {
    for (index, (call, deadline)) in calls.into_iter().zip(deadlines.iter().cycle()).enumerate() {
        let ended = call.ended();
        let latest = patience(PROMPT);
        let is_in_time = ended.after >= *deadline && ended.after < latest;
        let (at, latest) = (deadline.as_secs_f64(), latest.as_secs_f64());
        let expected =
            format!("504 at the deadline, after {at:.2} s ({latest:.0} s at the latest)");
        trial.expect(ended.status() == 504 && is_in_time, expected, ended.describe())?;
        doors.entry([1, 3][index % 2]).or_default().push(ended.connection);
    }
    trial.recorder.observe(format!("each of {CALLS} calls to the frozen worker: 504"));
    Ok(())
}

/// Although the worker is still frozen, and has not read the calls that have ended.
fn one_has_a_place(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let mut connection = door(trial, doors, 3)?;
    let mut last = 0;
    let freed = processes::until(patience(PROMPT), || {
        last = connection.get("/ask/2?text=x&timeout_ms=500").ok()?.status;
        (last == 504 || !cluster.is_running()).then_some(())
    });
    doors.entry(3).or_default().push(connection);
    let expected = "504 for the next call, too: places are free again";
    trial.expect(freed.is_some() && last == 504, expected, last.to_string())
}

const LIMIT: usize = 16;
/// How long a call may take that says nothing about it (PROTOCOL.md).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn a_worker_that_does_not_read_makes_senders_wait_outside(trial: &Trial) -> Kept {
    short_messages(trial)?;
    long_messages(trial).map_err(|broken| broken.during("with texts of 16 KiB"))
}

/// The messages wait for longer than a call may take.
fn short_messages(trial: &Trial) -> Kept {
    let limit = LIMIT.to_string();
    let cluster = trial.start(&[("QUEUE_LIMIT", limit.as_str())])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    freeze(trial, &cluster, frozen)?;
    let mut accepted = exactly(trial, &mut doors, LIMIT, (500, 0))?;
    the_others_have_room(trial, &mut doors)?;
    thaw(&cluster, frozen)?;
    let read = door(trial, &mut doors, 2)?;
    let read = inbox::wait_for_messages(trial, read, &accepted)?;
    accepted.push(once_more(trial, &cluster, &mut doors)?);
    inbox::wait_for_messages(trial, read, &accepted)?;
    Ok(())
}

/// The limit counts messages, and not their bytes.
fn long_messages(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("QUEUE_LIMIT", "100")])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    freeze(trial, &cluster, frozen)?;
    let accepted = exactly(trial, &mut doors, 100, (3, 16_384))?;
    thaw(&cluster, frozen)?;
    inbox::wait_for_messages(trial, door(trial, &mut doors, 2)?, &accepted).map(drop)
}

/// As many as the `limit` says are accepted, and then `more` are refused. Each has `length` bytes, or a
/// few.
fn exactly(
    trial: &Trial,
    doors: &mut Doors,
    limit: usize,
    (more, length): (usize, usize),
) -> Kept<Vec<Note>> {
    let mut accepted = Vec::new();
    for number in 1..=limit + more {
        let from = if number % 2 == 0 { 1 } else { 3 };
        let text = format!("{:.<length$}", format!("m{number}"));
        let ended = post(door(trial, doors, from)?, "POST", "/send/2", &text).ended();
        let observed = format!("message {number}: {}", ended.describe());
        if number <= limit {
            let is_accepted = ended.status() == 202 && ended.json()["sequence"] == number;
            trial
                .expect(is_accepted, format!("202, with sequence {number}"), observed)
                .map_err(|broken| is_for_the_primary(broken, &ended))?;
            accepted.push((from, text));
        } else {
            let waits = ended.answer.as_ref().is_ok_and(|answer| answer.retry_after.is_some());
            let expected = format!("503 with Retry-After: {limit} are not acknowledged");
            trial.expect(ended.status() == 503 && waits, expected, observed)?;
        }
        doors.entry(from).or_default().push(ended.connection);
    }
    trial.recorder.observe(format!("each of {limit} messages: 202; each of {more} more: 503"));
    Ok(accepted)
}

fn the_others_have_room(trial: &Trial, doors: &mut Doors) -> Kept {
    let connection = door(trial, doors, 1)?;
    let (connection, json) = scene::get(trial, connection, "/send/3?text=well", 202)?;
    trial.expect(json["sequence"] == 1, "worker 3: sequence 1", json.to_string())?;
    let ended = ask(connection, format!("/ask/3?text=well&{FAR}")).ended();
    trial.expect(ended.text().as_deref() == Some("well"), "200 from worker 3", ended.describe())?;
    // Messages take no call's place.
    let ended = ask(ended.connection, "/ask/2?text=x").ended();
    let is_right = ended.status() == 504 && ended.after >= DEFAULT_TIMEOUT;
    let expected = "504 for a call without timeout_ms, after 5 s (REQUEST_TIMEOUT_MS)";
    trial.expect(is_right, expected, ended.describe())?;
    trial.recorder.observe("a call to the frozen worker: 504 after 5 s");
    doors.entry(1).or_default().push(ended.connection);
    Ok(())
}

/// What was acknowledged makes room; the acknowledgements may be on their way.
fn once_more(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept<Note> {
    let mut connection = Some(door(trial, doors, 1)?);
    let mut attempt = 0;
    let accepted = processes::until(patience(PROMPT), || {
        attempt += 1;
        let ended = ask(connection.take()?, format!("/send/2?text=again{attempt}")).ended();
        connection = Some(ended.connection);
        let is_accepted = ended.answer.is_ok_and(|answer| answer.status == 202);
        (is_accepted || !cluster.is_running()).then(|| note(1, &format!("again{attempt}")))
    });
    accepted.ok_or_else(|| trial.broken("202 once the worker reads again", "503 each time"))
}
