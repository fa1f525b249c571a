//! Messages: once, in order, and not to an empty slot.

use std::collections::BTreeSet;

use harness::{Broken, Cluster, Kept, Signal, Trial, patience, who::children};

use crate::{
    inbox::{Note, wait_for_messages, wait_for_the_last},
    scene::{
        self, Doors, Ended, FAR, PROMPT, WORKERS, ask, door, doors, freeze, get, post, successor,
        thaw,
    },
    starting,
};

/// More messages than a check ever sends, and calls that end soon: each of the others says how long it
/// may take. Workers come back at once, however often they die.
const SETTINGS: [(&str, &str); 4] = [
    ("QUEUE_LIMIT", "1000"),
    ("REQUEST_TIMEOUT_MS", "300"),
    ("RESTART_DELAY_MS", "1"),
    ("RESTART_DELAY_MAX_MS", "1"),
];

pub(crate) fn messages_arrive_once_and_in_order(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let mut sent = Vec::new();
    send(trial, &mut doors, &mut sent, (300, 0))?;
    let read = wait_for_messages(trial, door(trial, &mut doors, 2)?, &sent)?;
    doors.entry(2).or_default().push(read);
    // The first 10 lie in its socket. The 60 are more than a socket holds.
    for (number, length) in [(10, 0), (60, 12_000)] {
        however_long_they_wait(trial, &cluster, &mut doors, &mut sent, (number, length))
            .map_err(|broken| broken.during(&format!("{number} more while it was frozen")))?;
    }
    starting::can_be_asked_and_told(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("a worker that has just been started"))?;
    an_empty_slot_is_502(trial).map_err(|broken| broken.during("an empty slot"))
}

/// Worker 2 is frozen for longer than three calls may take. A message has no deadline.
fn however_long_they_wait(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    sent: &mut Vec<Note>,
    (number, length): (usize, usize),
) -> Kept {
    let second = scene::pid_of(trial, doors, 2)?;
    freeze(trial, cluster, second)?;
    send(trial, doors, sent, (number, length))?;
    for _ in 0..3 {
        let (connection, _) = get(trial, door(trial, doors, 1)?, "/ask/2?text=x", 504)?;
        doors.entry(1).or_default().push(connection);
    }
    thaw(cluster, second)?;
    let last = format!("after {number}");
    let ended = post(door(trial, doors, 1)?, "POST", format!("/send/2?{FAR}"), &last).ended();
    trial.expect(ended.status() == 202, "202 for a message after them", ended.describe())?;
    doors.entry(1).or_default().push(ended.connection);
    sent.push((1, last));
    let read = wait_for_the_last(trial, door(trial, doors, 2)?, sent)?;
    doors.entry(2).or_default().push(read);
    Ok(())
}

/// A message that is asked of a worker, as a call is, gets no answer.
pub(crate) fn is_for_the_primary(broken: Broken, ended: &Ended) -> Broken {
    if [0, 504].contains(&ended.status()) {
        return broken.advice(
            "/send is a question to the primary: does `pass_on` ask `self.accept` before it calls a worker?",
        );
    }
    broken
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
        let path = format!("/send/2?{FAR}");
        let ended = post(door(trial, doors, from)?, "POST", path, &text).ended();
        let is_accepted = ended.status() == 202 && ended.json()["sequence"] == sequence;
        let observed = format!("message {sequence}: {}", ended.describe());
        trial
            .expect(is_accepted, format!("202, with sequence {sequence}"), observed)
            .map_err(|broken| is_for_the_primary(broken, &ended))?;
        doors.entry(from).or_default().push(ended.connection);
        sent.push((from, text));
    }
    trial.recorder.observe(format!("each of {number} messages to worker 2: 202"));
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
