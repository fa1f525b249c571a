//! The table of open calls has `MAX_IN_FLIGHT` places, and loses none.

use std::{fs, time::Duration};

use harness::{Cluster, Kept, Signal, Trial, patience};

use crate::{
    inbox::{Note, messages, note, wait_for_messages},
    scene::{
        self, Asked, Doors, FAR, PROMPT, WORKERS, ask, door, doors, get, successor,
        wait_for_holding,
    },
};

const PLACES: usize = 4;

/// A call without a `timeout_ms` would keep its place for minutes.
const SETTINGS: [(&str, &str); 4] = [
    ("MAX_IN_FLIGHT", "4"),
    ("REQUEST_TIMEOUT_MS", "240000"),
    ("RESTART_DELAY_MS", "1"),
    ("RESTART_DELAY_MAX_MS", "1"),
];

pub(crate) fn a_call_gives_its_place_back(trial: &Trial) -> Kept {
    a_worker_whose_calls_use_every_place_can_send(trial)
        .map_err(|broken| broken.during("when one worker's calls use every place"))?;
    let cluster = trial.start(&SETTINGS)?;
    let (mut doors, _) = doors(trial, &cluster, 40)?;
    let mut after_the_first = 0;
    for round in 1..=3 {
        after_a_deadline(trial, &cluster, &mut doors)
            .map_err(|broken| broken.during("after calls that were not answered"))?;
        after_a_hangup(trial, &cluster, &mut doors)
            .map_err(|broken| broken.during("after clients that hung up"))?;
        let calls = each_place_once(trial, &mut doors)
            .map_err(|broken| broken.during("after late and second replies"))?;
        after_a_death(trial, &cluster, &mut doors, calls)
            .map_err(|broken| broken.during("after a death of the worker"))?;
        if round == 1 {
            after_the_first = descriptors(&cluster);
        }
    }
    no_more_descriptors(trial, &cluster, after_the_first)
}

/// All calls come from worker 1, and stay open until the cluster ends.
fn a_worker_whose_calls_use_every_place_can_send(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    let (mut doors, _) = doors(trial, &cluster, 4 * PLACES)?;
    for slot in 1..=WORKERS {
        for _ in 0..PLACES {
            ask(door(trial, &mut doors, 1)?, format!("/ask/{slot}?fault=never&{FAR}"));
        }
        wait_for_holding(trial, door(trial, &mut doors, slot)?, PLACES as u64)?;
    }
    get(trial, door(trial, &mut doors, 1)?, "/send/2?text=room", 202)?;
    wait_for_messages(trial, door(trial, &mut doors, 2)?, &[note(1, "room")]).map(drop)
}

fn descriptors(cluster: &Cluster) -> usize {
    fs::read_dir(format!("/proc/{}/fd", cluster.pid)).map_or(0, Iterator::count)
}

/// What belonged to a worker that died may be closed a moment later.
fn no_more_descriptors(trial: &Trial, cluster: &Cluster, before: usize) -> Kept {
    let mut now = 0;
    let are_closed = processes::until(patience(PROMPT), || {
        now = descriptors(cluster);
        (now <= before).then_some(())
    });
    let expected = format!("{before} descriptors in the primary, as after the first round");
    trial.expect(are_closed.is_some(), expected, format!("{now} after the third"))
}

/// Four calls without an answer; a fifth is refused while they are open.
fn after_a_deadline(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let deadline = patience(Duration::from_secs(4));
    let path = format!("/ask/2?fault=never&timeout_ms={}", deadline.as_millis());
    let calls = open(trial, doors, PLACES, &path)?;
    wait_for_four(trial, doors)?;
    for slot in 1..=WORKERS {
        refused(trial, doors, slot, &calls)?;
    }
    only_that_worker_is_full(trial, doors)?;
    for (slot, call) in calls {
        let ended = call.ended();
        trial.expect(ended.status() == 504, "504 at the deadline", ended.describe())?;
        doors.entry(slot).or_default().push(ended.connection);
    }
    places_come_back(trial, cluster, doors)
}

/// A fifth call, while the four `calls` are open, whichever worker asks.
fn refused(trial: &Trial, doors: &mut Doors, slot: u32, calls: &[(u32, Asked)]) -> Kept {
    let ended = ask(door(trial, doors, slot)?, format!("/ask/2?fault=never&{FAR}")).ended();
    let is_open = calls.iter().all(|(_, call)| !call.is_over());
    let waits = ended.answer.as_ref().is_ok_and(|answer| answer.retry_after.is_some());
    let expected = "503 with Retry-After for the fifth call, while four are open";
    let observed = format!("asked by worker {slot}: {}", ended.describe());
    trial.expect(is_open && ended.status() == 503 && waits, expected, observed)?;
    doors.entry(slot).or_default().push(ended.connection);
    Ok(())
}

/// There is room at worker 3, and for messages; and what was refused was not sent.
fn only_that_worker_is_full(trial: &Trial, doors: &mut Doors) -> Kept {
    let path = format!("/ask/3?text=x&ms=200&{FAR}");
    let others: Vec<Asked> =
        (0..PLACES).map(|_| Ok(ask(door(trial, doors, 1)?, path.clone()))).collect::<Kept<_>>()?;
    for call in others {
        let ended = call.ended();
        let expected = "200 for four calls to worker 3";
        trial.expect(ended.status() == 200, expected, ended.describe())?;
        doors.entry(1).or_default().push(ended.connection);
    }
    let connection = door(trial, doors, 1)?;
    let (read, before) = messages(trial, door(trial, doors, 2)?)?;
    let (connection, _) = get(trial, connection, "/send/2?text=room", 202)?;
    doors.entry(1).or_default().push(connection);
    let expected: Vec<Note> = before.into_iter().chain([note(1, "room")]).collect();
    let read = wait_for_messages(trial, read, &expected)?;
    // A refused call would have come before that message.
    let (read, json) = get(trial, read, "/", 200)?;
    doors.entry(2).or_default().push(read);
    let observed = format!("GET /: {json}");
    trial.expect(json["holding"] == PLACES, "worker 2 holds the four calls alone", observed)
}

/// Two calls stay open while others end in each way. Then there are two places, and not more. The
/// four calls that are open then.
fn each_place_once(trial: &Trial, doors: &mut Doors) -> Kept<Vec<(u32, Asked)>> {
    let never = format!("/ask/2?fault=never&{FAR}");
    let mut calls = open(trial, doors, 2, &never)?;
    let held = wait_for_holding(trial, door(trial, doors, 2)?, 2)?;
    doors.entry(2).or_default().push(held);
    for (path, status) in [
        ("/ask/2?text=x", 200),
        ("/ask/2?fault=twice&text=x", 200),
        ("/ask/2?fault=late&text=x&ms=600&timeout_ms=200", 504),
        ("/ask/2?text=x", 200),
    ] {
        let (connection, _) = get(trial, door(trial, doors, 1)?, path, status)?;
        doors.entry(1).or_default().push(connection);
    }
    // Its replies come in order: with two calls left it has sent the late one and the second one.
    let held = wait_for_holding(trial, door(trial, doors, 2)?, 2)?;
    doors.entry(2).or_default().push(held);
    let connection = door(trial, doors, 3)?;
    let (connection, _) = get(trial, connection, &format!("/ask/2?text=x&{FAR}"), 200)?;
    doors.entry(3).or_default().push(connection);
    calls.extend(open(trial, doors, 2, &never)?);
    wait_for_four(trial, doors)?;
    refused(trial, doors, 3, &calls)?;
    Ok(calls)
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
    let mut caller = door(trial, doors, 1)?;
    let limit = deadline + patience(PROMPT);
    let freed = processes::until(limit, || {
        let answer = caller.get(&format!("/ask/2?text=x&{FAR}")).ok()?;
        (answer.status == 200 || !cluster.is_running()).then_some(())
    });
    let observed = format!("503 each time, for {} s", limit.as_secs());
    trial.expect(freed.is_some(), "200, by the deadline of the four calls", observed)?;
    doors.entry(1).or_default().push(caller);
    places_come_back(trial, cluster, doors)
}

/// The worker that is killed holds `calls`.
fn after_a_death(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    calls: Vec<(u32, Asked)>,
) -> Kept {
    let second = scene::pid_of(trial, doors, 2)?;
    cluster.signal_process(second, Signal::SIGKILL)?;
    for (slot, call) in calls {
        let ended = call.ended();
        trial.expect(ended.status() == 502, "502", ended.describe())?;
        doors.entry(slot).or_default().push(ended.connection);
    }
    doors.remove(&2);
    for _ in 0..3 {
        let (_, connection) = successor(trial, cluster, 2, &[second])?;
        doors.entry(2).or_default().push(connection);
    }
    four_are_answered(trial, doors)
}

/// `number` calls of `path`, from workers 1 and 3 in turn.
fn open(trial: &Trial, doors: &mut Doors, number: usize, path: &str) -> Kept<Vec<(u32, Asked)>> {
    let slots = [1, 3].into_iter().cycle().take(number);
    slots.map(|slot| Ok((slot, ask(door(trial, doors, slot)?, path)))).collect()
}

fn wait_for_four(trial: &Trial, doors: &mut Doors) -> Kept {
    let held = wait_for_holding(trial, door(trial, doors, 2)?, PLACES as u64)?;
    doors.entry(2).or_default().push(held);
    Ok(())
}

/// The primary's deadline for a call is the asker's, but for the way between them: a place may come
/// back a moment after the answer.
fn places_come_back(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let mut last = Ok(());
    processes::until(patience(PROMPT), || {
        last = four_are_answered(trial, doors);
        (last.is_ok() || !cluster.is_running()).then_some(())
    });
    last
}

/// All four at once.
fn four_are_answered(trial: &Trial, doors: &mut Doors) -> Kept {
    let calls = open(trial, doors, PLACES, &format!("/ask/2?text=x&ms=200&{FAR}"))?;
    let mut wrong = None;
    for (slot, call) in calls {
        let ended = call.ended();
        if ended.status() != 200 {
            wrong = Some(ended.describe());
        }
        doors.entry(slot).or_default().push(ended.connection);
    }
    let observed = wrong.clone().unwrap_or_default();
    trial.expect(wrong.is_none(), "200 for four calls at once", observed)?;
    trial.recorder.observe("each of four calls at once: 200");
    Ok(())
}
