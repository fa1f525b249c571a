//! A text for all workers at once, and the workers that are missing.

use std::time::Duration;

use harness::{Cluster, Kept, Signal, Trial, patience, wire::Connection};
use serde_json::{Value, json};

use crate::{
    inbox::{Note, messages, note, some_of, wait_for_messages},
    scene::{
        self, Asked, Doors, FAR, ask, door, doors, freeze, get, successor, thaw, wait_for_holding,
    },
    sending::empty_slot,
};

pub(crate) fn a_broadcast_says_who_has_it_and_who_is_missing(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let (mut doors, _) = doors(trial, &cluster, 8)?;
    all_are_well(trial, &mut doors)?;
    one_is_frozen(trial, &cluster, &mut doors)
        .map_err(|broken| broken.during("while worker 2 is frozen"))?;
    one_dies(trial, &cluster, &mut doors).map_err(|broken| broken.during("while worker 2 dies"))?;
    one_is_full(trial).map_err(|broken| broken.during("while worker 2 has too many calls"))?;
    one_is_not_there(trial).map_err(|broken| broken.during("while slot 2 is empty"))
}

fn all_are_well(trial: &Trial, doors: &mut Doors) -> Kept {
    let asked = ask(door(trial, doors, 1)?, format!("/broadcast?text=b1&{FAR}"));
    says(trial, asked, &json!({ "acknowledged": [1, 2, 3], "missing": [] }))?;
    for slot in 1..=scene::WORKERS {
        has(trial, doors, slot, &["b1"])?;
    }
    let (connection, _) = get(trial, door(trial, doors, 3)?, "/stats", 200)?;
    doors.entry(3).or_default().push(connection);
    Ok(())
}

/// The others have it long before the frozen one's deadline has passed.
fn one_is_frozen(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let frozen = scene::pid_of(trial, doors, 2)?;
    freeze(trial, cluster, frozen)?;
    let limit = patience(Duration::from_secs(6));
    let millis = limit.as_millis();
    let broadcast = ask(door(trial, doors, 1)?, format!("/broadcast?text=b2&timeout_ms={millis}"));
    let stats = ask(door(trial, doors, 3)?, format!("/stats?timeout_ms={millis}"));
    for slot in [1, 3] {
        has(trial, doors, slot, &["b1", "b2"])?;
    }
    let is_open = !broadcast.is_over();
    let second = a_second_stats(trial, doors, &stats)?;
    let missing = missing_2("timeout");
    let after = says(trial, broadcast, &json!({ "acknowledged": [1, 3], "missing": missing }))?;
    trial.expect(is_open, "workers 1 and 3 have it before the answer comes", "it came first")?;
    let expected = format!("worker 2 has the whole deadline, {millis} ms");
    trial.expect(after >= limit, expected, format!("missing after {} ms", after.as_millis()))?;
    let ended = stats.ended();
    let said = ended.json();
    let others: Vec<&Value> = said["workers"].as_array().into_iter().flatten().collect();
    let are_there = others.iter().map(|one| &one["worker"]).eq([&json!(1), &json!(3)]);
    let sum: u64 = others.iter().filter_map(|one| one["requests"].as_u64()).sum();
    let is_right = said["missing"] == missing && are_there && said["requests"] == sum;
    let expected = "/stats: workers 1 and 3, their sum, and worker 2 is missing: timeout";
    trial.expect(is_right, expected, ended.describe())?;
    doors.entry(3).or_default().push(ended.connection);
    has_its_own_figures(trial, &second)?;
    thaw(cluster, frozen)?;
    at_most_once(trial, doors)
}

/// What a worker says by `/stats` while it waits for another `/stats`.
struct Second {
    /// The requests of worker 1 by then, and after one more.
    requests: [Option<u64>; 2],
    waited_for_the_first: bool,
}

/// A second `/stats` at the same worker, while the `first` waits for the frozen one.
fn a_second_stats(trial: &Trial, doors: &mut Doors, first: &Asked) -> Kept<Second> {
    let figure = |stats: &Value| {
        let mut workers = stats["workers"].as_array().into_iter().flatten();
        workers.find(|one| one["worker"] == 1)?["requests"].as_u64()
    };
    let path = "/stats?timeout_ms=300";
    let (connection, before) = get(trial, door(trial, doors, 3)?, path, 200)?;
    scene::pid_of(trial, doors, 1)?;
    let (connection, after) = get(trial, connection, path, 200)?;
    doors.entry(3).or_default().push(connection);
    let requests = [figure(&before), figure(&after)];
    Ok(Second { requests, waited_for_the_first: first.is_over() })
}

fn has_its_own_figures(trial: &Trial, second: &Second) -> Kept {
    let [before, after] = second.requests;
    let shown = |requests: Option<u64>| requests.map_or("none".to_owned(), |it| it.to_string());
    let observed = format!("{}, then {}", shown(before), shown(after));
    let is_right = before.is_some() && after == before.map(|requests| requests + 1);
    let expected = "/stats again, after one request more to worker 1: its requests, one more";
    trial.expect(is_right, expected, observed)?;
    let expected = "a second /stats ends by its own deadline, 300 ms, and not with the first";
    trial.expect(!second.waited_for_the_first, expected, "it ended with the first")
}

/// It may have what its callers gave up, but not twice.
fn at_most_once(trial: &Trial, doors: &mut Doors) -> Kept {
    let asked = ask(door(trial, doors, 1)?, format!("/broadcast?text=b3&{FAR}"));
    says(trial, asked, &json!({ "acknowledged": [1, 2, 3], "missing": [] }))?;
    let (connection, texts) = messages(trial, door(trial, doors, 2)?)?;
    doors.entry(2).or_default().push(connection);
    let is_right = [vec!["b1", "b3"], vec!["b1", "b2", "b3"]].map(all_from_first).contains(&texts);
    let expected = "worker 2 has b1, perhaps b2, and b3";
    trial.expect(is_right, expected, some_of(&texts, 0))
}

fn one_dies(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let frozen = scene::pid_of(trial, doors, 2)?;
    freeze(trial, cluster, frozen)?;
    let broadcast = ask(door(trial, doors, 1)?, format!("/broadcast?text=b4&{FAR}"));
    for slot in [1, 3] {
        has(trial, doors, slot, &["b1", "b2", "b3", "b4"])?;
    }
    cluster.signal_process(frozen, Signal::SIGKILL)?;
    says(trial, broadcast, &all_but_2("died"))?;
    doors.remove(&2);
    let (_, connection) = successor(trial, cluster, 2, &[frozen])?;
    let (_, texts) = messages(trial, connection)?;
    let expected = "no message at the new process: it was not asked";
    trial.expect(texts.is_empty(), expected, some_of(&texts, 0))
}

fn one_is_full(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("MAX_IN_FLIGHT", "1")])?;
    let (mut doors, _) = doors(trial, &cluster, 3)?;
    let held = ask(door(trial, &mut doors, 1)?, format!("/ask/2?fault=never&{FAR}"));
    let connection = wait_for_holding(trial, door(trial, &mut doors, 2)?, 1)?;
    doors.entry(2).or_default().push(connection);
    let asked = ask(door(trial, &mut doors, 3)?, format!("/broadcast?text=b1&{FAR}"));
    says(trial, asked, &all_but_2("full"))?;
    stats_without_2(trial, door(trial, &mut doors, 3)?, "full")?;
    // What is sent to worker 2 after it goes the same way.
    get(trial, door(trial, &mut doors, 1)?, "/send/2?text=after", 202)?;
    wait_for_messages(trial, door(trial, &mut doors, 2)?, &[note(1, "after")])
        .map_err(|broken| broken.during("what was refused was not sent"))?;
    drop(held);
    Ok(())
}

/// There is no process that could be asked.
fn one_is_not_there(trial: &Trial) -> Kept {
    let cluster = empty_slot(trial)?;
    let (_, connection) = successor(trial, &cluster, 1, &[])?;
    let asked = ask(connection, format!("/broadcast?text=b1&{FAR}"));
    says(trial, asked, &all_but_2("died"))?;
    let (_, connection) = successor(trial, &cluster, 3, &[])?;
    stats_without_2(trial, connection, "died")
}

fn stats_without_2(trial: &Trial, connection: Connection, why: &str) -> Kept {
    let (_, stats) = get(trial, connection, &format!("/stats?{FAR}"), 200)?;
    let missing = missing_2(why);
    let expected = format!("/stats with missing: {missing}");
    trial.expect(stats["missing"] == missing, expected, stats.to_string())
}

fn missing_2(why: &str) -> Value {
    json!([{ "worker": 2, "why": why }])
}

fn all_but_2(why: &str) -> Value {
    json!({ "acknowledged": [1, 3], "missing": missing_2(why) })
}

/// The answer to a broadcast, whatever the order of its lists. Returns how long it took.
pub(crate) fn says(trial: &Trial, asked: Asked, expected: &Value) -> Kept<Duration> {
    let ended = asked.ended();
    let mut said = ended.json();
    if let Some(workers) = said["acknowledged"].as_array_mut() {
        workers.sort_by_key(Value::as_u64);
    }
    let is_right = ended.status() == 200
        && said["acknowledged"] == expected["acknowledged"]
        && said["missing"] == expected["missing"];
    trial.expect(is_right, format!("200: {expected}"), ended.describe())?;
    trial.recorder.observe(format!("the broadcast: {expected}"));
    Ok(ended.after)
}

fn has(trial: &Trial, doors: &mut Doors, slot: u32, texts: &[&str]) -> Kept {
    let all = all_from_first(texts.to_vec());
    let connection = wait_for_messages(trial, door(trial, doors, slot)?, &all)
        .map_err(|broken| broken.during(&format!("worker {slot}")))?;
    doors.entry(slot).or_default().push(connection);
    Ok(())
}

/// Worker 1 sends all broadcasts of this check.
fn all_from_first(texts: Vec<&str>) -> Vec<Note> {
    texts.into_iter().map(|text| note(1, text)).collect()
}
