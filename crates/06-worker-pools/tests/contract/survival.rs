//! The end of the program by SIGKILL, and its next start.

use harness::{Kept, Trial};

use crate::{
    journal::{has_exactly, starts},
    scene::{Pool, fresh},
};

pub(crate) fn kill_9_of_the_primary_loses_nothing(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[])?;
    let done = pool.submit("prime", 7)?;
    pool.completes(done, true, 1)?;
    let holds = pool.hold(1..=4)?;
    let queued = pool.submit_all("hold", 5..=10)?;
    pool.kill_primary()?;
    // The next start has less room, and what was accepted has its place.
    let pool = Pool::start(trial, &[("QUEUE_LIMIT", "1")])?;
    for held in &holds {
        pool.starts(held.id, 2)?;
    }
    for id in &queued {
        pool.is(*id, "queued", 0)?;
    }
    pool.is_full()?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &[])?;
    for held in &holds {
        pool.starts(held.id, 3)?;
    }
    pool.release(1..=10)?;
    for (held, n) in holds.iter().zip(1..) {
        pool.completes(held.id, n, 3)?;
    }
    for (id, n) in queued.iter().zip(5..) {
        pool.completes(*id, n, 1)?;
    }
    pool.completes(done, true, 1)?;
    let once = queued.iter().chain([&done]).map(|id| (*id, 1));
    has_exactly(trial, holds.iter().map(|held| (held.id, 3)).chain(once))?;
    pool.kill_primary()?;
    for round in 1..=2 {
        right_after_the_answer(trial).map_err(|broken| {
            broken.during(&format!("SIGKILL right after the last 202, round {round}"))
        })?;
    }
    fresh(trial);
    attempts_survive(trial).map_err(|broken| broken.during("MAX_ATTEMPTS=1"))?;
    fresh(trial);
    after_many_tasks(trial).map_err(|broken| broken.during("a spool of many tasks"))?;
    fresh(trial);
    a_full_disk(trial).map_err(|broken| broken.during("a disk that is full for a while"))
}

/// The primary is killed as soon as the client has its answer.
fn right_after_the_answer(trial: &Trial) -> Kept {
    fresh(trial);
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    let held = pool.hold([1])?[0];
    let queued = pool.submit_all("prime", 10..20)?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    pool.release([1])?;
    pool.completes(held.id, 1, 2)?;
    for id in queued {
        pool.becomes(id, "completed")?;
    }
    Ok(())
}

/// A start of which the former primary knew counts.
fn attempts_survive(trial: &Trial) -> Kept {
    let settings = [("MAX_ATTEMPTS", "1"), ("WORKERS", "1")];
    let pool = Pool::start(trial, &settings)?;
    let held = pool.hold([1])?[0];
    let queued = pool.submit("prime", 7)?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &settings)?;
    pool.fails(held.id, "attempts", 1)?;
    pool.completes(queued, true, 1)?;
    has_exactly(trial, [(held.id, 1), (queued, 1)])?;
    pool.kill_primary()?;
    // What has failed is not tried again by a later start.
    let pool = Pool::start(trial, &[("MAX_ATTEMPTS", "3"), ("WORKERS", "1")])?;
    pool.fails(held.id, "attempts", 1)?;
    has_exactly(trial, [(held.id, 1), (queued, 1)])
}

/// More than any spool keeps without writing its file anew.
const MANY: u64 = 600;

/// One worker takes over from four: what they ran comes first, and in the order of acceptance.
fn after_many_tasks(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[("QUEUE_LIMIT", "1000")])?;
    let mut holds = pool.hold(1..=3)?;
    let mut last = 0;
    for _ in 0..MANY {
        last = pool.submit_quietly("prime", 7)?;
    }
    trial.recorder.observe(format!("{MANY} more tasks are accepted"));
    pool.becomes(last, "completed")?;
    holds.extend(pool.hold([4])?);
    let queued = pool.submit_all("hold", [5, 6])?;
    let before = starts(trial)?.len();
    pool.kill_primary()?;
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    pool.release(1..=6)?;
    let wanted: Vec<u64> = holds.iter().map(|held| held.id).chain(queued).collect();
    for (n, id) in (1..).zip(&wanted) {
        pool.completes(*id, n, if n <= 4 { 2 } else { 1 })?;
    }
    pool.completes(last, true, 1)?;
    let later = starts(trial)?.split_off(before);
    let expected = format!("started in the order {wanted:?}");
    trial.expect(later == wanted, expected, format!("in the order {later:?}"))
}

/// Neither the spool nor a file beside it may grow beyond this.
const FULL: u64 = 4096;

/// What is not refused must survive, and once there is room again, so must the next task.
fn a_full_disk(trial: &Trial) -> Kept {
    let settings = [("WORKERS", "1"), ("QUEUE_LIMIT", "1000")];
    let pool = Pool::of(trial, trial.start_on_a_small_disk(&settings)?, 1)?;
    let mut accepted = vec![pool.hold([1])?[0].id];
    trial.limit_files(&pool.cluster, Some(FULL))?;
    let is_refused = fill(trial, &pool, &mut accepted)?;
    trial.recorder.observe(format!("{} tasks are accepted", accepted.len()));
    if is_refused {
        pool.is(accepted[accepted.len() - 1], "queued", 0)?;
    }
    trial.limit_files(&pool.cluster, None)?;
    if is_refused {
        pool.until("a task is accepted again", || take_one(trial, &pool, &mut accepted))?;
        take_one(trial, &pool, &mut accepted)?;
    }
    let counted: Vec<u64> = (1..).take(accepted.len()).collect();
    trial.expect(accepted == counted, "ids that count up from 1", format!("{accepted:?}"))?;
    pool.kill_primary()?;
    let pool = Pool::start(trial, &settings)?;
    pool.release(1..=1000)?;
    for id in &accepted {
        pool.becomes_quietly(*id, "completed")?;
    }
    has_exactly(trial, accepted.iter().map(|id| (*id, if *id == 1 { 2 } else { 1 })))
}

/// Brings tasks until one is refused. A spool that needs little room may take all of them.
fn fill(trial: &Trial, pool: &Pool, accepted: &mut Vec<u64>) -> Kept<bool> {
    for _ in 0..900 {
        if !take_one(trial, pool, accepted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Brings a task; it may be refused for want of room.
fn take_one(trial: &Trial, pool: &Pool, accepted: &mut Vec<u64>) -> Kept<bool> {
    let reply = pool.ask_quietly("POST", "/task", r#"{"type":"hold","n":2}"#)?;
    if reply.status == 202 {
        accepted.push(reply.id(trial)?);
        return Ok(true);
    }
    let refused = reply.is(trial, 503)?;
    trial.expect(refused.retry_after.is_some(), "503 with Retry-After", refused.to_string())?;
    Ok(false)
}
