//! What a worker had not acknowledged when it died.

use harness::{Cluster, Kept, Signal, Trial, patience, wire::Connection};
use serde_json::Value;

use crate::{
    inbox::{Note, messages, note, some_of, wait_for_messages},
    scene::{self, Doors, PROMPT, door, doors, freeze, successor},
};

const LIMIT: usize = 8;
const SETTINGS: [(&str, &str); 3] =
    [("REDELIVER", "1"), ("QUEUE_LIMIT", "8"), ("RESTART_DELAY_MS", "500")];

/// The second time its slot is empty for a while, and the messages wait in the primary.
pub(crate) fn the_next_worker_gets_what_was_not_acknowledged(trial: &Trial) -> Kept {
    let cluster = trial.start(&SETTINGS)?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let mut sender = door(trial, &mut doors, 1)?;
    let mut sent = Vec::new();
    for _ in 0..3 * LIMIT {
        accepted(trial, &mut sender, &mut sent)?;
    }
    let read = wait_for_messages(trial, door(trial, &mut doors, 2)?, &sent)?;
    doors.entry(2).or_default().push(read);
    for time in ["first", "second"] {
        one_dies(trial, &cluster, &mut doors, &mut sender, &mut sent)
            .map_err(|broken| broken.during(&format!("the {time} death")))?;
    }
    Ok(())
}

/// Worker 2 is frozen, gets as many messages as there is room for, and dies. What the next worker has is
/// the end of all that was accepted: all of those, and no more than the limit.
fn one_dies(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
    sender: &mut Connection,
    sent: &mut Vec<Note>,
) -> Kept {
    let frozen = scene::pid_of(trial, doors, 2)?;
    freeze(trial, cluster, frozen)?;
    let mut unread = 0;
    while send(sender, sent) == Some(202) {
        unread += 1;
        trial.expect(unread <= LIMIT, "503 after 8 messages", "202")?;
    }
    trial.expect(unread > 0, "202 for a message to the frozen worker", "503")?;
    trial.recorder.observe(format!("each of {unread} messages to the frozen worker: 202"));
    cluster.signal_process(frozen, Signal::SIGKILL)?;
    doors.remove(&2);
    let (_, read) = successor(trial, cluster, 2, &[frozen])?;
    let sequence = accepted(trial, sender, sent)?;
    let last = sent.last().cloned().unwrap_or_default();
    let (read, came) = until_it_is_there(trial, read, &last)?;
    let number = came.len() - 1;
    let expected = format!("the last {unread} to {LIMIT} messages in order, and one more");
    let is_right = sent.ends_with(&came) && (unread..=LIMIT).contains(&number);
    trial.expect(is_right, expected, some_of(&came, 0))?;
    let observed = format!("sequence {sequence} after {number} messages");
    trial.expect(sequence == came.len() as u64, "they are counted, too", observed)?;
    trial.recorder.observe(format!("the new process has the last {number} messages"));
    doors.entry(2).or_default().push(read);
    Ok(())
}

/// Sends the next message once, and notes it if it was accepted. The status.
fn send(sender: &mut Connection, sent: &mut Vec<Note>) -> Option<u16> {
    let text = format!("m{}", sent.len());
    let status = sender.get(&format!("/send/2?text={text}")).ok()?.status;
    if status == 202 {
        sent.push(note(1, &text));
    }
    Some(status)
}

/// Sends the next message until it is accepted: what was refused was not sent. Its sequence.
fn accepted(trial: &Trial, sender: &mut Connection, sent: &mut Vec<Note>) -> Kept<u64> {
    let text = format!("m{}", sent.len());
    let mut last = 0;
    let sequence = processes::until(patience(PROMPT), || {
        let answer = sender.get(&format!("/send/2?text={text}")).ok()?;
        last = answer.status;
        let json: Value = serde_json::from_str(&answer.body).ok()?;
        json["sequence"].as_u64().filter(|_| last == 202)
    });
    sent.push(note(1, &text));
    sequence.ok_or_else(|| trial.broken("202 for a message to worker 2", last.to_string()))
}

/// The messages of the worker behind `connection`, as soon as `last` is one of them.
fn until_it_is_there(
    trial: &Trial,
    connection: Connection,
    last: &Note,
) -> Kept<(Connection, Vec<Note>)> {
    let mut open = Some(connection);
    let mut seen = Vec::new();
    let came = processes::until(patience(PROMPT), || {
        let (connection, there) = messages(trial, open.take()?).ok()?;
        open = Some(connection);
        seen = there;
        seen.contains(last).then_some(())
    });
    match open.filter(|_| came.is_some()) {
        Some(connection) => Ok((connection, seen)),
        None => Err(trial.broken("the message that was sent last", some_of(&seen, 0))),
    }
}
