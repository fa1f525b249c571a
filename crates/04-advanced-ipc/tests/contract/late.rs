//! Replies that come too late, twice, or for a caller that is gone.

use harness::{Cluster, Kept, Signal, Trial};

use crate::scene::{
    self, Asked, Doors, FAR, WORKERS, ask, door, doors, get, successor, take, wait_for_holding,
};

pub(crate) fn a_late_reply_is_given_to_no_caller(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 6)?;
    // The first calls of that process, so that those of the next one have the same ids.
    for_a_caller_that_is_gone(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("a reply for a worker that died"))?;
    let mut before = Vec::new();
    for slot in 1..=WORKERS {
        before.push(scene::pid_of(trial, &mut doors, slot)?);
    }
    before.sort_unstable();
    the_late_one(trial, &mut doors).map_err(|broken| broken.during("a late reply"))?;
    the_second_one(trial, &mut doors).map_err(|broken| broken.during("a second reply"))?;
    scene::same_processes(trial, &cluster, &before)?;
    let asked = ask(door(trial, &mut doors, 3)?, format!("/ask/2?text=C&{FAR}"));
    own_text(trial, &mut doors, asked, 3, "C")?;
    asked_once(trial, &mut doors).map_err(|broken| broken.during("a call that ended with 504"))
}

/// The worker will answer in four minutes, so until then it holds that call.
fn asked_once(trial: &Trial, doors: &mut Doors) -> Kept {
    let never_in_time = "/ask/2?text=A&timeout_ms=1000&fault=late&ms=240000";
    let (connection, _) = get(trial, door(trial, doors, 1)?, never_in_time, 504)?;
    // All that was sent before it has arrived.
    get(trial, connection, &format!("/ask/2?text=B&{FAR}"), 200)?;
    let (_, json) = get(trial, door(trial, doors, 2)?, "/", 200)?;
    let expected = r#"GET /: "holding": 1, so it was asked once"#;
    trial.expect(json["holding"] == 1, expected, format!("GET /: {json}"))
}

/// A gives up, and B asks on the same way. A's answer comes while B waits.
fn the_late_one(trial: &Trial, doors: &mut Doors) -> Kept {
    let late = "/ask/2?text=A&timeout_ms=300&fault=late&ms=1500";
    let connection = door(trial, doors, 1)?;
    let (connection, _) = get(trial, connection, late, 504)?;
    let path = format!("/ask/2?text=B&ms=3000&{FAR}");
    own_text(trial, doors, ask(connection, path), 1, "B")
}

fn the_second_one(trial: &Trial, doors: &mut Doors) -> Kept {
    let connection = door(trial, doors, 1)?;
    let twice = format!("/ask/2?text=A&fault=twice&{FAR}");
    own_text(trial, doors, ask(connection, twice), 1, "A")?;
    let connection = door(trial, doors, 1)?;
    let path = format!("/ask/2?text=B&ms=1500&{FAR}");
    own_text(trial, doors, ask(connection, path), 1, "B")
}

/// Worker 1 asks and dies. The next process in its slot asks before those answers come, and its own
/// first calls have the same ids.
fn for_a_caller_that_is_gone(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let first = scene::pid_of(trial, doors, 1)?;
    let open = |connection| ask(connection, format!("/ask/2?text=old&ms=4000&{FAR}"));
    let old: Vec<Asked> = take(trial, doors, &[1], 3)?.into_iter().map(open).collect();
    let held = wait_for_holding(trial, door(trial, doors, 2)?, 3)?;
    doors.entry(2).or_default().push(held);
    cluster.signal_process(first, Signal::SIGKILL)?;
    drop(old);
    doors.remove(&1);
    let (_, connection) = successor(trial, cluster, 1, &[first])?;
    let asked = ask(connection, format!("/ask/2?text=new&ms=4000&{FAR}"));
    own_text(trial, doors, asked, 1, "new")?;
    let (_, connection) = successor(trial, cluster, 1, &[first])?;
    doors.entry(1).or_default().push(connection);
    Ok(())
}

fn own_text(trial: &Trial, doors: &mut Doors, asked: Asked, from: u32, text: &str) -> Kept {
    let ended = asked.ended();
    let observed = format!("the call of {text}: {}", ended.describe());
    trial.expect(ended.text().as_deref() == Some(text), format!("200, with {text}"), observed)?;
    trial.recorder.observe(format!("the call of {text}: 200, with {text}"));
    doors.entry(from).or_default().push(ended.connection);
    Ok(())
}
