//! The two easiest promises: what a client may ask, and what it gets.

use std::fs;

use harness::{Kept, Trial, who::children, wire::request};
use serde_json::{Value, json};

use crate::{
    journal::has_exactly,
    scene::{Pool, Reply, fresh},
};

/// Bodies that make no sense.
const BODIES: [&str; 21] = [
    "tea",
    "[]",
    "7",
    "{",
    r#"{"n":7}"#,
    r#"{"type":"tea","n":7}"#,
    r#"{"type":7,"n":7}"#,
    r#"{"type":"Prime","n":7}"#,
    r#"{"type":"prime"}"#,
    r#"{"type":"prime","n":null}"#,
    r#"{"type":"prime","n":-1}"#,
    r#"{"type":"prime","n":1.5}"#,
    r#"{"type":"prime","n":7.0}"#,
    r#"{"type":"prime","n":7e0}"#,
    r#"{"type":"prime","n":true}"#,
    r#"{"type":"prime","n":"7"}"#,
    r#"{"type":"prime","n":[7]}"#,
    r#"{"type":"prime","n":9007199254740992}"#,
    r#"{"type":"fibonacci","n":41}"#,
    r#"{"type":"hash","n":0}"#,
    r#"{"type":"hash","n":1000001}"#,
];

/// Settings that make no sense: just outside their ranges, or no number.
const SETTINGS: [(&str, &str); 10] = [
    ("CREDIT", "0"),
    ("CREDIT", "33"),
    ("QUEUE_LIMIT", "0"),
    ("QUEUE_LIMIT", "1001"),
    ("QUEUE_LIMIT", "many"),
    ("MAX_ATTEMPTS", "0"),
    ("MAX_ATTEMPTS", "1001"),
    ("RESULTS_LIMIT", "0"),
    ("RESULTS_LIMIT", "1001"),
    ("TASK_TIMEOUT_MS", "0"),
];

/// Clients that never finish their request.
const SLOW: usize = 40;

/// Requests to no route, or with a method that it does not have.
const ROUTES: [(&str, &str, u16); 11] = [
    ("GET", "/task", 405),
    ("PUT", "/task", 405),
    ("POST", "/stats", 405),
    ("POST", "/task/1", 405),
    ("GET", "/tasks", 404),
    ("GET", "/task/1", 404),
    ("GET", "/task/0", 404),
    ("GET", "/task/tea", 404),
    ("GET", "/task/-1", 404),
    ("GET", "/task/18446744073709551616", 404),
    ("GET", "/task/1/2", 404),
];

pub(crate) fn nonsense_is_refused_and_hurts_no_other_client(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[])?;
    let before = children(&pool.cluster);
    // Each has sent half a body, and keeps no other client waiting.
    let mut slow: Vec<_> = (0..SLOW).map(|_| pool.cluster.connect()).collect::<Kept<_>>()?;
    let whole = request("POST", "/task", r#"{"type":"prime","n":7}"#);
    for client in &mut slow {
        let _ = client.send(&whole.as_bytes()[..whole.len() - 5]);
    }
    for body in BODIES {
        is_refused(trial, &pool.ask_quietly("POST", "/task", body)?, 400)?;
    }
    is_refused(trial, &pool.ask_quietly("POST", "/task", &padded(64 * 1024 + 1))?, 413)?;
    for (method, path, status) in ROUTES {
        is_refused(trial, &pool.ask_quietly(method, path, "")?, status)?;
    }
    drop(slow);
    let stats = pool.ask("GET", "/stats", "")?.is(trial, 200)?;
    for name in ["submitted", "queued", "processing", "completed", "failed", "forgotten"] {
        let observed = stats.to_string();
        trial.expect(stats.json[name] == 0, format!("{name} is 0 in /stats"), observed)?;
    }
    let listed = stats.json["workers"].as_array().map_or(0, Vec::len);
    trial.expect(listed == 4, "4 workers in /stats", format!("{listed}"))?;
    let after = children(&pool.cluster);
    trial.expect(before == after, "the same workers as before", "another worker is there")?;
    refuses(trial)
}

fn is_refused(trial: &Trial, reply: &Reply, status: u16) -> Kept {
    let is_so = reply.status == status && reply.json["error"].is_string();
    let expected = format!("{status} with a sentence in \"error\"");
    trial.expect(is_so, expected, reply.to_string())
}

/// A body that makes sense, and has this many bytes. A field that has no meaning is left unread.
fn padded(length: usize) -> String {
    let body = r#"{"note":[{"type":"crash"}],"type":"prime","n":7}"#;
    format!("{body}{}", " ".repeat(length - body.len()))
}

fn refuses(trial: &Trial) -> Kept {
    // The pool of this check still uses it. First, because the end of this program ends that pool, too.
    trial.refuses("SPOOL", &trial.path("tasks.spool").to_string_lossy())?;
    for (name, value) in SETTINGS {
        trial.refuses(name, value)?;
    }
    let nowhere = trial.path("no-such-folder/file");
    for name in ["SPOOL", "JOURNAL"] {
        trial.refuses(name, &nowhere.to_string_lossy())?;
    }
    let foreign = trial.path("letter.txt");
    let text = "Dear reader,\n";
    let _ = fs::write(&foreign, text);
    trial.refuses("SPOOL", &foreign.to_string_lossy())?;
    let is_whole = fs::read_to_string(&foreign).is_ok_and(|now| now == text);
    trial.expect(is_whole, "the bytes of a file that isn't a spool stay", "they changed")
}

const HASH: &str = "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925";
const HASH_1000: &str = "36c1cb4f826ae42ceba848227e0c5f786178ca9dceca6772e5d728d09c30a2f6";

/// Tasks and their results. They take different times, so results come in another order.
fn tasks() -> Vec<(&'static str, u64, Value)> {
    vec![
        ("fibonacci", 27, json!(196_418)),
        ("fibonacci", 0, json!(0)),
        ("prime", 999_983, json!(true)),
        ("prime", 1, json!(false)),
        ("hash", 1000, json!(HASH_1000)),
        ("fibonacci", 1, json!(1)),
        ("prime", 2, json!(true)),
        ("prime", 999_983 * 999_979, json!(false)),
        ("hash", 1, json!(HASH)),
        ("prime", 999_999_999_989, json!(true)),
        ("prime", 0, json!(false)),
        ("fibonacci", 10, json!(55)),
        ("prime", 9, json!(false)),
        ("prime", (1 << 53) - 1, json!(false)),
    ]
}

pub(crate) fn each_type_gives_the_right_result(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[])?;
    let tasks = tasks();
    let mut ids = Vec::new();
    for (kind, n, _) in &tasks {
        ids.push(pool.submit(kind, *n)?);
    }
    let counted: Vec<u64> = (1..).take(ids.len()).collect();
    trial.expect(ids == counted, "ids that count up from 1", format!("{ids:?}"))?;
    for (id, (kind, n, result)) in ids.iter().zip(&tasks) {
        let reply = pool.completes(*id, result.clone(), 1)?;
        let is_it = reply.json["type"] == *kind && reply.json["n"] == *n && reply.json["id"] == *id;
        trial.expect(is_it, format!("task {id} is {kind} of {n}"), reply.json.to_string())?;
        trial.expect(reply.json["error"].is_null(), "no error", reply.to_string())?;
    }
    has_exactly(trial, ids.iter().map(|id| (*id, 1)))?;
    drop(pool);
    each_state_is_seen(trial)
        .map_err(|broken| broken.during("one worker, and a task that waits for a file"))
}

fn each_state_is_seen(trial: &Trial) -> Kept {
    fresh(trial);
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    let first = pool.hold([1])?[0];
    let long = pool.ask("POST", "/task", &padded(64 * 1024))?.is(trial, 202)?.id(trial)?;
    let second = pool.submit("hold", 2)?;
    for id in [long, second] {
        let queued = pool.is(id, "queued", 0)?;
        trial.expect(queued.json["result"].is_null(), "no result yet", queued.to_string())?;
    }
    let stats = pool.ask("GET", "/stats", "")?;
    let worker = json!([{ "worker": 1, "pid": first.pid, "task": first.id }]);
    let observed = stats.json["workers"].to_string();
    trial.expect(stats.json["workers"] == worker, format!("workers={worker}"), observed)?;
    pool.release([1])?;
    pool.completes(first.id, 1, 1)?;
    // In whatever order they start: that is another promise.
    pool.release([2])?;
    pool.completes(long, true, 1)?;
    pool.completes(second, 2, 1)?;
    pool.is(first.id, "completed", 1)?;
    // The ends of the ranges. This check waits for no result of them.
    let ends = [("prime", 0), ("hold", 0), ("hold", (1 << 53) - 1), ("fibonacci", 40)];
    for (kind, n) in ends.into_iter().chain([("hash", 1_000_000), ("spin", 0), ("crash", 0)]) {
        pool.submit(kind, n)?;
    }
    Ok(())
}
