//! A queue with an end.

use harness::{
    Kept, Trial,
    wire::{Connection, request},
};
use serde_json::json;

use crate::{
    journal::{has_exactly, starts},
    scene::{Pool, Reply, fresh},
};

pub(crate) fn a_full_queue_answers_429(trial: &Trial) -> Kept {
    for (limit, workers, credit) in [(20, 4, "1"), (1, 1, "1"), (5, 2, "3")] {
        fresh(trial);
        let (text, number) = (limit.to_string(), workers.to_string());
        let settings = [("QUEUE_LIMIT", text.as_str()), ("WORKERS", &number), ("CREDIT", credit)];
        let pool = Pool::start(trial, &settings)?;
        fills_and_empties(trial, &pool, limit, workers)
            .map_err(|broken| broken.during(&format!("QUEUE_LIMIT={limit} CREDIT={credit}")))?;
    }
    Ok(())
}

fn fills_and_empties(trial: &Trial, pool: &Pool, limit: usize, workers: u64) -> Kept {
    let holds = pool.hold(1..=workers)?;
    let mut accepted = burst(trial, pool, limit)?;
    pool.is_full()?;
    pool.release([1])?;
    pool.becomes(holds[0].id, "completed")?;
    pool.starts(first_of(pool, &accepted)?, 1)?;
    let more = pool.submit("hold", 900)?;
    let next = accepted.last().map_or(1, |last| last + 1);
    trial.expect(
        more == next,
        format!("the next id is {next}: refusals get none"),
        format!("id {more}"),
    )?;
    accepted.push(more);
    pool.is_full()?;
    pool.release((1..=workers).chain(100..160).chain([900]))?;
    for id in &accepted {
        pool.becomes(*id, "completed")?;
    }
    let all = holds.iter().map(|held| held.id).chain(accepted.iter().copied());
    has_exactly(trial, all.map(|id| (id, 1)))?;
    // Refusals and ends have given every place back.
    let again = pool.hold(200..200 + workers)?;
    let more = pool.submit_all("hold", 300..300 + limit as u64)?;
    pool.is_full()?;
    pool.release((200..200 + workers).chain(300..300 + limit as u64))?;
    for id in again.iter().map(|held| held.id).chain(more) {
        pool.becomes(id, "completed")?;
    }
    Ok(())
}

/// The first of these tasks that is started. With a credit it need not be the oldest.
fn first_of(pool: &Pool, tasks: &[u64]) -> Kept<u64> {
    let first = || Ok(starts(pool.trial)?.into_iter().find(|id| tasks.contains(id)));
    pool.until("one of the tasks that wait is started", || Ok(first()?.is_some()))?;
    Ok(first()?.unwrap_or_default())
}

/// 60 clients at once. Exactly as many are accepted as there are places.
fn burst(trial: &Trial, pool: &Pool, limit: usize) -> Kept<Vec<u64>> {
    let mut clients: Vec<Connection> =
        (0..60).map(|_| pool.cluster.connect()).collect::<Kept<_>>()?;
    for (client, n) in clients.iter_mut().zip(100..) {
        let body = json!({ "type": "hold", "n": n }).to_string();
        let _ = client.send(request("POST", "/task", &body).as_bytes());
    }
    trial.recorder.observe("60 clients bring a task at once");
    let mut accepted = Vec::new();
    for mut client in clients {
        let answer =
            client.answer().map_err(|failure| trial.broken("an answer", failure.to_string()))?;
        let reply = Reply::new("POST /task".to_owned(), answer);
        if reply.status == 202 {
            accepted.push(reply.id(trial)?);
            continue;
        }
        let observed = format!("{reply}, Retry-After: {:?}", reply.retry_after);
        let is_429 =
            reply.status == 429 && reply.retry_after.is_some() && reply.json["error"].is_string();
        trial.expect(is_429, "202, or 429 with Retry-After and a sentence", observed)?;
    }
    let observed = format!("{} are accepted", accepted.len());
    trial.expect(accepted.len() == limit, format!("exactly {limit} are accepted"), observed)?;
    accepted.sort_unstable();
    Ok(accepted)
}
