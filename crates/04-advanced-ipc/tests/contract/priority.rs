//! A message that passes those that wait.

use harness::{Kept, Trial, patience};

use crate::{
    inbox::{self, Note, some_of},
    scene::{self, Doors, PROMPT, ask, door, doors, freeze, get, post, thaw},
};

/// What the frozen worker's socket holds can't be passed, so more than a socket holds is sent first.
const FILLERS: usize = 60;
/// Messages that surely wait, before and after those with high priority.
const WAITING: usize = 10;

pub(crate) fn a_message_with_high_priority_passes_those_that_wait(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("QUEUE_LIMIT", "200")])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    freeze(trial, &cluster, frozen)?;
    let mut normal = Vec::new();
    for index in 0..FILLERS {
        normal.push(send(trial, &mut doors, index, &"x".repeat(12_000), "")?);
    }
    for index in 0..WAITING {
        normal.push(send(trial, &mut doors, index, &format!("waits {index}"), "")?);
    }
    let mut high = Vec::new();
    for index in 0..2 {
        high.push(send(trial, &mut doors, index, &format!("high {index}"), "?priority=high")?);
    }
    normal.push(send(trial, &mut doors, 0, "comes last", "?priority=normal")?);
    thaw(&cluster, frozen)?;
    let number = normal.len() + high.len();
    let (_, came) = inbox::wait_for_number(trial, door(trial, &mut doors, 2)?, number)?;
    is_in_order(trial, &came, &normal, &high)?;
    they_take_places_like_others(trial)
        .map_err(|broken| broken.during("while QUEUE_LIMIT messages wait"))
}

/// Sends a message from workers 1 and 3 in turn.
fn send(trial: &Trial, doors: &mut Doors, index: usize, text: &str, query: &str) -> Kept<Note> {
    let from = if index.is_multiple_of(2) { 1 } else { 3 };
    let path = format!("/send/2{query}");
    let ended = post(door(trial, doors, from)?, "POST", path, text).ended();
    trial.expect(ended.status() == 202, "202", ended.describe())?;
    doors.entry(from).or_default().push(ended.connection);
    Ok((from, text.to_owned()))
}

/// Both kinds keep their own order, and those with high priority come before all that surely waited.
fn is_in_order(trial: &Trial, came: &[Note], normal: &[Note], high: &[Note]) -> Kept {
    let (passed, others): (Vec<&Note>, Vec<&Note>) =
        came.iter().partition(|one| high.contains(one));
    let place = |one: &Note| came.iter().position(|other| other == one);
    let is_first = place(&high[1]) < place(&normal[FILLERS]);
    let is_right = is_first && passed.into_iter().eq(high) && others.into_iter().eq(normal);
    let expected = format!("{} messages: high 0 and high 1 before waits 0", came.len());
    let observed = some_of(came, came.len() - high.len() - WAITING - 1);
    trial.expect(is_right, expected, observed)?;
    trial.recorder.observe("high 0 and high 1 came before 11 messages that waited");
    Ok(())
}

/// The bound holds for messages of high priority, too.
fn they_take_places_like_others(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("QUEUE_LIMIT", "2")])?;
    let (mut doors, _) = doors(trial, &cluster, 2)?;
    let frozen = scene::pid_of(trial, &mut doors, 2)?;
    freeze(trial, &cluster, frozen)?;
    let mut connection = door(trial, &mut doors, 1)?;
    for path in ["/send/2?text=a", "/send/2?text=b&priority=high"] {
        connection = get(trial, connection, path, 202)?.0;
    }
    let ended = ask(connection, "/send/2?text=c&priority=high").ended();
    trial.expect(ended.status() == 503, "503 for one more with high priority", ended.describe())?;
    thaw(&cluster, frozen)?;
    let mut connection = ended.connection;
    let accepted = processes::until(patience(PROMPT), || {
        let answer = connection.get("/send/2?text=d&priority=high").ok()?;
        (answer.status == 202).then_some(())
    });
    trial.expect(accepted.is_some(), "202 once the worker runs again", "503 each time")
}
