//! Messages: once, in order, and not to an empty slot.

use std::collections::BTreeSet;

use harness::{Cluster, Kept, Signal, Trial, patience, who::children};

use crate::{
    inbox::{Note, note, wait_for_messages},
    scene::{self, Doors, PROMPT, WORKERS, ask, door, doors, freeze, get, post, successor, thaw},
};

/// More than a check ever sends.
const ROOM: (&str, &str) = ("QUEUE_LIMIT", "1000");

pub(crate) fn messages_arrive_once_and_in_order(trial: &Trial) -> Kept {
    let cluster = trial.start(&[ROOM])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let second = scene::pid_of(trial, &mut doors, 2)?;
    let mut sent = Vec::new();
    send(trial, &mut doors, &mut sent, (300, 0))?;
    let read = wait_for_messages(trial, door(trial, &mut doors, 2)?, &sent)?;
    freeze(trial, &cluster, second)?;
    // More than a socket holds.
    send(trial, &mut doors, &mut sent, (60, 12_000))?;
    thaw(&cluster, second)?;
    let read = wait_for_messages(trial, read, &sent)
        .map_err(|broken| broken.during("60 more while it was frozen"))?;
    doors.entry(2).or_default().push(read);
    to_a_worker_that_starts(trial, &cluster, &mut doors, second)
        .map_err(|broken| broken.during("a message to a worker that has just been started"))?;
    an_empty_slot_is_502(trial).map_err(|broken| broken.during("an empty slot"))
}

/// Sends `number` messages of `length` bytes or more to worker 2, from workers in turn. Each text
/// comes twice: a message is known by its number, and not by its text.
fn send(
    trial: &Trial,
    doors: &mut Doors,
    sent: &mut Vec<Note>,
    (number, length): (usize, usize),
) -> Kept {
    for _ in 0..number {
        let (sequence, from) = (sent.len() + 1, if sent.len().is_multiple_of(3) { 3 } else { 1 });
        let text = format!("m{}{}", sent.len() / 2, ".".repeat(length));
        let ended = post(door(trial, doors, from)?, "POST", "/send/2", &text).ended();
        let is_accepted = ended.status() == 202 && ended.json()["sequence"] == sequence;
        let observed = format!("message {sequence}: {}", ended.describe());
        trial.expect(is_accepted, format!("202, with sequence {sequence}"), observed)?;
        doors.entry(from).or_default().push(ended.connection);
        sent.push((from, text));
    }
    trial.recorder.observe(format!("{number} messages to worker 2: 202 each"));
    Ok(())
}

/// Its process is there, so the primary knows of the death. It need not be ready.
fn to_a_worker_that_starts(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    second: u32,
) -> Kept {
    freeze(trial, cluster, second)?;
    let lost = get(trial, door(trial, doors, 1)?, "/send/2?text=lost", 202)?.0;
    let known = children(cluster);
    cluster.signal_process(second, Signal::SIGKILL)?;
    let is_new = || {
        let new = children(cluster).difference(&known).next().copied();
        new.map(Some).or_else(|| (!cluster.is_running()).then_some(None))
    };
    let new = processes::until(patience(PROMPT), is_new).flatten();
    let observed = if cluster.is_running() { "no new process" } else { "the primary has ended" };
    let new = new.ok_or_else(|| trial.broken("a new process in the slot of worker 2", observed))?;
    trial.recorder.observe(format!("pid {new} is there"));
    let (connection, json) = get(trial, lost, "/send/2?text=first", 202)?;
    trial.expect(json["sequence"] == 1, "sequence 1 for a new process", json.to_string())?;
    doors.entry(1).or_default().push(connection);
    let (_, read) = successor(trial, cluster, 2, &[second])?;
    wait_for_messages(trial, read, &[note(1, "first")])?;
    Ok(())
}

fn an_empty_slot_is_502(trial: &Trial) -> Kept {
    let cluster = empty_slot(trial)?;
    let (_, mut connection) = successor(trial, &cluster, 1, &[])?;
    // The primary may be about to hear of the death.
    let is_502 = processes::until(patience(PROMPT), || {
        connection.get("/send/2?text=x").ok().filter(|answer| answer.status == 502)
    });
    trial.expect(is_502.is_some(), "GET /send/2: 502", "it was accepted each time")?;
    let ended = ask(connection, "/ask/2?text=x").ended();
    trial.expect(ended.status() == 502, "GET /ask/2: 502", ended.describe())
}

/// A cluster whose slot 2 stays empty after the second death in it.
pub(crate) fn empty_slot(trial: &Trial) -> Kept<Cluster> {
    let delays = [("RESTART_DELAY_MS", "600000"), ("RESTART_DELAY_MAX_MS", "600000")];
    let cluster = trial.start(&delays)?;
    let mut known = Vec::new();
    for _ in 0..2 {
        let (who, _) = successor(trial, &cluster, 2, &known)?;
        cluster.signal_process(who.pid, Signal::SIGKILL)?;
        known.push(who.pid);
    }
    let is_empty = || {
        let there: BTreeSet<u32> = children(&cluster);
        (there.len() < WORKERS as usize && !there.contains(&known[1])).then_some(())
    };
    let emptied = processes::until(patience(PROMPT), is_empty).is_some();
    trial.expect(emptied, "an empty slot after its second death", "a worker is there")?;
    Ok(cluster)
}
