//! A client's own name for a task.

use std::collections::BTreeSet;

use harness::{
    Kept, Trial,
    wire::{Connection, request},
};
use serde_json::json;

use crate::{
    journal::has_exactly,
    scene::{Pool, Reply},
};

/// The bytes of a request with a key.
fn with_key(kind: &str, n: u64, key: &str) -> String {
    let body = json!({ "type": kind, "n": n }).to_string();
    let header = format!("Host: 127.0.0.1\r\nIdempotency-Key: {key}\r\n");
    request("POST", "/task", &body).replacen("Host: 127.0.0.1\r\n", &header, 1)
}

fn post(pool: &Pool, kind: &str, n: u64, key: &str, status: u16) -> Kept<Reply> {
    let what = format!("POST /task {kind} {n}, key {key}");
    let reply = pool.send(what, &with_key(kind, n, key))?;
    pool.trial.recorder.observe(reply.to_string());
    reply.is(pool.trial, status)
}

pub(crate) fn the_same_key_is_the_same_task(trial: &Trial) -> Kept {
    let settings = [("WORKERS", "1"), ("QUEUE_LIMIT", "1"), ("RESULTS_LIMIT", "2")];
    let pool = Pool::start(trial, &settings)?;
    let id = post(&pool, "hold", 1, "a", 202)?.id(trial)?;
    pool.starts(id, 1)?;
    let queued = post(&pool, "hold", 2, "b", 202)?.id(trial)?;
    post(&pool, "hold", 3, "c", 429)?;
    for (n, key, wanted) in [(1, "a", id), (2, "b", queued)] {
        is_it(trial, &post(&pool, "hold", n, key, 202)?, wanted)?;
    }
    post(&pool, "hold", 9, "a", 422)?;
    post(&pool, "hold", 2, "", 400)?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &settings)?;
    pool.starts(id, 2)?;
    for (n, key, wanted) in [(1, "a", id), (2, "b", queued)] {
        let again = post(&pool, "hold", n, key, 202)?;
        is_it(trial, &again, wanted).map_err(|broken| broken.during("after a restart"))?;
    }
    pool.release([1, 2, 3])?;
    pool.completes(id, 1, 2)?;
    pool.completes(queued, 2, 1)?;
    is_it(trial, &post(&pool, "hold", 1, "a", 202)?, id)?;
    let other = post(&pool, "hold", 3, "c", 202)?.id(trial)?;
    pool.completes(other, 3, 1)?;
    // The task with this key is forgotten by now, and so is its key.
    let anew = post(&pool, "hold", 2, "a", 202)?.id(trial)?;
    trial.expect(anew == other + 1, "a new id", format!("id {anew}"))?;
    pool.completes(anew, 2, 1)?;
    let last = at_once(trial, &pool)?;
    pool.completes(last, 3, 1)?;
    has_exactly(trial, [(id, 2), (queued, 1), (other, 1), (anew, 1), (last, 1)])
}

/// Clients with the same key at the same time get the same task.
fn at_once(trial: &Trial, pool: &Pool) -> Kept<u64> {
    let mut clients: Vec<Connection> =
        (0..20).map(|_| pool.cluster.connect()).collect::<Kept<_>>()?;
    for client in &mut clients {
        let _ = client.send(with_key("hold", 3, "d").as_bytes());
    }
    trial.recorder.observe("20 clients bring the same task with the same key at once");
    let mut ids = BTreeSet::new();
    for mut client in clients {
        let answer =
            client.answer().map_err(|failure| trial.broken("an answer", failure.to_string()))?;
        ids.insert(Reply::new("POST /task".to_owned(), answer).is(trial, 202)?.id(trial)?);
    }
    trial.expect(ids.len() == 1, "one id for all of them", format!("{} ids", ids.len()))?;
    Ok(ids.into_iter().next().unwrap_or_default())
}

fn is_it(trial: &Trial, reply: &Reply, id: u64) -> Kept {
    let observed = format!("id {}", reply.json["id"]);
    trial.expect(reply.json["id"] == id, format!("the same id again: {id}"), observed)
}
