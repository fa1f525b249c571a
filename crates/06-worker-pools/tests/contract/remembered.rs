//! Which tasks that have ended are remembered.

use harness::{Kept, Signal, Trial};

use crate::scene::{PROMPT, Pool};

const LIMIT: usize = 10;

pub(crate) fn results_are_bounded(trial: &Trial) -> Kept {
    let settings =
        [("RESULTS_LIMIT", "10"), ("WORKERS", "2"), ("QUEUE_LIMIT", "100"), ("MAX_ATTEMPTS", "1")];
    let pool = Pool::start(trial, &settings)?;
    let hold = pool.hold([1])?[0];
    let mut ids = Vec::new();
    for n in 2..=26 {
        // Tasks that fail are remembered like the others.
        let kind = if n % 7 == 0 { "crash" } else { "prime" };
        ids.push(pool.submit(kind, n)?);
    }
    let last = *ids.last().unwrap_or(&0);
    pool.becomes(last, "completed")?;
    pool.is(hold.id, "processing", 1)?;
    remembers(trial, &pool, &ids)?;
    counts(trial, &pool, 26, 15)?;
    is_answered(trial, &pool, 999_999, 404)?;
    is_answered(trial, &pool, last + 1, 404)?;
    // It came first and ends last, so it is remembered, and the oldest end is not.
    pool.release([1])?;
    pool.completes(hold.id, 1, 1)?;
    ids.push(hold.id);
    remembers(trial, &pool, &ids)?;
    pool.cluster.signal(Signal::SIGTERM);
    pool.cluster.wait_exit(PROMPT)?;
    drop(pool);
    let pool = Pool::start(trial, &settings)?;
    remembers(trial, &pool, &ids)
        .and_then(|()| counts(trial, &pool, 26, 16))
        .map_err(|broken| broken.during("after a restart"))?;
    let next = pool.submit("prime", 7)?;
    trial.expect(next == 27, "the next id is 27", format!("id {next}"))?;
    pool.completes(next, true, 1)?;
    ids.push(next);
    remembers(trial, &pool, &ids)
        .and_then(|()| counts(trial, &pool, 27, 17))
        .map_err(|broken| broken.during("after a restart, one more"))?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &[("RESULTS_LIMIT", "3"), ("WORKERS", "1")])?;
    for (at, id) in ids.iter().rev().enumerate() {
        is_answered(trial, &pool, *id, if at < 3 { 200 } else { 410 })
            .map_err(|broken| broken.during("after a restart with RESULTS_LIMIT=3"))?;
    }
    Ok(())
}

/// What `/stats` says of all tasks that ever were.
fn counts(trial: &Trial, pool: &Pool, submitted: u64, forgotten: u64) -> Kept {
    let stats = pool.ask("GET", "/stats", "")?;
    let is_so = stats.json["forgotten"] == forgotten && stats.json["submitted"] == submitted;
    let expected = format!("submitted={submitted} and forgotten={forgotten}");
    trial.expect(is_so, expected, stats.to_string())
}

/// The last ten of these tasks, which ended in this order, are there.
fn remembers(trial: &Trial, pool: &Pool, ids: &[u64]) -> Kept {
    let forgotten = ids.len() - LIMIT;
    for (at, id) in ids.iter().enumerate() {
        is_answered(trial, pool, *id, if at < forgotten { 410 } else { 200 })?;
    }
    trial.recorder.observe(format!("{forgotten} tasks are forgotten, {LIMIT} are remembered"));
    Ok(())
}

fn is_answered(trial: &Trial, pool: &Pool, id: u64, status: u16) -> Kept {
    let reply = pool.ask_quietly("GET", &format!("/task/{id}"), "")?;
    trial.expect(reply.status == status, format!("GET /task/{id}: {status}"), reply.to_string())
}
