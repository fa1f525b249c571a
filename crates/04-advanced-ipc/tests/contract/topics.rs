//! Texts for the subscribers of a topic.

use std::time::Duration;

use harness::{Cluster, Kept, Signal, Trial, patience};
use serde_json::json;

use crate::{
    broadcast::says,
    inbox::{Note, messages, note, some_of, wait_for_messages},
    scene::{self, Doors, FAR, ask, door, doors, freeze, get, successor},
};

pub(crate) fn what_is_published_reaches_the_subscribers(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 6)?;
    // A worker that subscribes twice is still one subscriber.
    for (slot, topic) in [(1, "tea"), (1, "tea"), (2, "coffee"), (3, "tea")] {
        subscribe(trial, &mut doors, slot, topic)?;
    }
    all_are_well(trial, &mut doors)?;
    one_is_frozen(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("while worker 3 is frozen"))?;
    a_subscription_ends_with_its_process(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("when worker 3 has died"))
}

fn subscribe(trial: &Trial, doors: &mut Doors, slot: u32, topic: &str) -> Kept {
    let connection = door(trial, doors, slot)?;
    let (connection, json) = get(trial, connection, &format!("/subscribe/{topic}"), 200)?;
    trial.expect(json["worker"] == slot, format!("worker {slot}"), json.to_string())?;
    doors.entry(slot).or_default().push(connection);
    Ok(())
}

fn all_are_well(trial: &Trial, doors: &mut Doors) -> Kept {
    for (from, topic, text, subscribers) in [
        (2, "tea", "t1", json!([1, 3])),
        (1, "coffee", "c1", json!([2])),
        (3, "milk", "m1", json!([])),
        (1, "tea", "t2", json!([1, 3])),
    ] {
        let path = format!("/publish/{topic}?text={text}&{FAR}");
        let asked = ask(door(trial, doors, from)?, path);
        says(trial, asked, &json!({ "acknowledged": subscribers, "missing": [] }))?;
    }
    has(trial, doors, 1, &[note(2, "t1"), note(1, "t2")])?;
    has(trial, doors, 2, &[note(1, "c1")])?;
    has(trial, doors, 3, &[note(2, "t1"), note(1, "t2")])
}

/// The messages of worker `slot` are these and no others.
fn has(trial: &Trial, doors: &mut Doors, slot: u32, all: &[Note]) -> Kept {
    let connection = wait_for_messages(trial, door(trial, doors, slot)?, all)
        .map_err(|broken| broken.during(&format!("worker {slot}")))?;
    doors.entry(slot).or_default().push(connection);
    Ok(())
}

fn one_is_frozen(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let frozen = scene::pid_of(trial, doors, 3)?;
    freeze(trial, cluster, frozen)?;
    let millis = patience(Duration::from_secs(2)).as_millis();
    let asked = ask(door(trial, doors, 2)?, format!("/publish/tea?text=t3&timeout_ms={millis}"));
    let missing = json!([{ "worker": 3, "why": "timeout" }]);
    says(trial, asked, &json!({ "acknowledged": [1], "missing": missing }))?;
    let asked = ask(door(trial, doors, 2)?, format!("/publish/tea?text=t4&{FAR}"));
    let all = [note(2, "t1"), note(1, "t2"), note(2, "t3"), note(2, "t4")];
    has(trial, doors, 1, &all)?;
    cluster.signal_process(frozen, Signal::SIGKILL)?;
    let missing = json!([{ "worker": 3, "why": "died" }]);
    says(trial, asked, &json!({ "acknowledged": [1], "missing": missing }))?;
    doors.remove(&3);
    let (_, connection) = successor(trial, cluster, 3, &[frozen])?;
    doors.entry(3).or_default().push(connection);
    Ok(())
}

/// The next process has not subscribed.
fn a_subscription_ends_with_its_process(
    trial: &Trial,
    cluster: &Cluster,
    doors: &mut Doors,
) -> Kept {
    let asked = ask(door(trial, doors, 2)?, format!("/publish/tea?text=t5&{FAR}"));
    says(trial, asked, &json!({ "acknowledged": [1], "missing": [] }))?;
    let (connection, none) = messages(trial, door(trial, doors, 3)?)?;
    trial.expect(none.is_empty(), "no message at the new worker 3", some_of(&none, 0))?;
    doors.entry(3).or_default().push(connection);
    subscribe(trial, doors, 3, "tea")?;
    let asked = ask(door(trial, doors, 1)?, format!("/publish/tea?text=t6&{FAR}"));
    says(trial, asked, &json!({ "acknowledged": [1, 3], "missing": [] }))?;
    has(trial, doors, 3, &[note(1, "t6")])?;
    trial.expect(cluster.is_running(), "the program runs", "it has ended")
}
