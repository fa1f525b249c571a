//! The end of the program, in order, and its next start.

use std::time::{Duration, Instant};

use events::Exit;
use harness::{Kept, Signal, Trial, patience};

use crate::{
    journal::{has_exactly, starts},
    scene::{PROMPT, Pool, fresh, millis},
    tasks::Held,
};

pub(crate) fn sigterm_finishes_what_runs(trial: &Trial) -> Kept {
    for (credit, signal) in [("1", Signal::SIGTERM), ("2", Signal::SIGINT)] {
        fresh(trial);
        in_order(trial, credit, signal)
            .map_err(|broken| broken.during(&format!("CREDIT={credit}")))?;
    }
    fresh(trial);
    cut_off(trial).map_err(|broken| broken.during("a task without an end"))?;
    fresh(trial);
    a_worker_dies_meanwhile(trial)?;
    fresh(trial);
    a_second_signal_at_last(trial)
        .map_err(|broken| broken.during("a second signal after the last task"))?;
    fresh(trial);
    a_deadline_meanwhile(trial).map_err(|broken| broken.during("a deadline after the signal"))
}

fn in_order(trial: &Trial, credit: &str, signal: Signal) -> Kept {
    let pool = Pool::start(trial, &[("CREDIT", credit), ("QUEUE_LIMIT", "6")])?;
    let holds = pool.hold(1..=4)?;
    let queued = pool.submit_all("hold", 5..=10)?;
    is_told_to_end(trial, &pool, signal)?;
    let reply = pool.is(holds[0].id, "processing", 1)?;
    trial.expect(reply.closes, "Connection: close", "an answer that keeps its connection")?;
    pool.is(queued[0], "queued", 0)?;
    are_listed(trial, &pool, &holds)?;
    pool.release(1..=4)?;
    ends(trial, &pool, 0)?;
    let four = holds.iter().map(|held| (held.id, 1));
    has_exactly(trial, four.clone())?;
    drop(pool);
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    for held in &holds {
        pool.completes(held.id, held.id, 1)?;
    }
    pool.release(5..=10)?;
    for (id, n) in queued.iter().zip(5..) {
        pool.completes(*id, n, 1)?;
    }
    has_exactly(trial, four.chain(queued.iter().map(|id| (*id, 1))))?;
    let later = starts(trial)?.split_off(4);
    let expected = format!("started in the order {queued:?}");
    trial.expect(later == queued, expected, format!("in the order {later:?}"))?;
    let next = pool.submit("prime", 7)?;
    trial.expect(next == 11, "ids go on after a restart: 11", format!("id {next}"))
}

/// `/stats` goes on listing the workers that run these tasks.
fn are_listed(trial: &Trial, pool: &Pool, holds: &[Held]) -> Kept {
    let stats = pool.ask("GET", "/stats", "")?.is(trial, 200)?;
    let listed = stats.json["workers"].as_array().cloned().unwrap_or_default();
    let runs = |held: &Held| {
        listed.iter().any(|worker| worker["pid"] == held.pid && worker["task"] == held.id)
    };
    let is_so = listed.len() == holds.len() && holds.iter().all(runs);
    let observed = stats.json["workers"].to_string();
    trial.expect(is_so, "each worker that runs a task in /stats", observed)
}

/// Sends SIGTERM, and waits until it counts. The queue is full, so no question brings a task.
fn is_told_to_end(trial: &Trial, pool: &Pool, signal: Signal) -> Kept {
    const TASK: &str = r#"{"type":"prime","n":7}"#;
    pool.is_full()?;
    pool.cluster.signal(signal);
    pool.until("POST /task is 503 from the signal on", || {
        let reply = pool.ask_quietly("POST", "/task", TASK)?;
        if reply.status == 429 { Ok(false) } else { reply.is(trial, 503).map(|_| true) }
    })?;
    let refused = pool.ask("POST", "/task", TASK)?.is(trial, 503)?;
    trial.expect(refused.retry_after.is_some(), "503 with Retry-After", refused.to_string())
}

fn ends(trial: &Trial, pool: &Pool, code: i32) -> Kept {
    let exit = pool.cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(code), format!("exit code {code}"), exit.to_string())?;
    pool.cluster.wait_gone(PROMPT)
}

const DRAIN: Duration = Duration::from_millis(500);
/// SIGKILL follows two seconds after a worker's own deadline.
const ESCALATION: Duration = Duration::from_secs(2);

/// One task spins, and the worker of another one is frozen: both are cut, and run again.
fn cut_off(trial: &Trial) -> Kept {
    let limit = millis(DRAIN);
    let settings = [("WORKERS", "2"), ("QUEUE_LIMIT", "1"), ("DRAIN_TIMEOUT_MS", limit.as_str())];
    let pool = Pool::start(trial, &settings)?;
    let spin = pool.submit("spin", 0)?;
    pool.starts(spin, 1)?;
    let frozen = pool.hold([1])?[0];
    let queued = pool.submit("hold", 2)?;
    pool.freeze(frozen.pid)?;
    let began = Instant::now();
    is_told_to_end(trial, &pool, Signal::SIGTERM)?;
    ends(trial, &pool, 1)?;
    let after = began.elapsed();
    let latest = patience(DRAIN + ESCALATION + Duration::from_secs(5));
    let observed = format!("after {} ms", after.as_millis());
    let expected = format!("an exit {limit} ms after the signal, or soon");
    trial.expect((patience(DRAIN)..latest).contains(&after), expected, observed)?;
    has_exactly(trial, [(spin, 1), (frozen.id, 1)])?;
    drop(pool);
    let pool = Pool::start(trial, &[("WORKERS", "3"), ("QUEUE_LIMIT", "1")])?;
    pool.starts(spin, 2)?;
    pool.starts(frozen.id, 2)?;
    pool.starts(queued, 1)?;
    // A second signal ends everything at once, and nothing of it was finished.
    pool.submit("hold", 3)?;
    is_told_to_end(trial, &pool, Signal::SIGTERM)?;
    is_ended_at_once(trial, &pool, Signal::SIGTERM)
}

fn a_worker_dies_meanwhile(trial: &Trial) -> Kept {
    let settings = [("WORKERS", "2"), ("QUEUE_LIMIT", "1")];
    let pool = Pool::start(trial, &settings)?;
    let (first, second) = (pool.hold([1])?[0], pool.hold([2])?[0]);
    let queued = pool.submit("hold", 3)?;
    is_told_to_end(trial, &pool, Signal::SIGHUP)?;
    pool.kill(first.pid)?;
    pool.until("its task is queued again", || Ok(pool.task(first.id)?.status_name() == "queued"))?;
    pool.release([1, 2, 3])?;
    ends(trial, &pool, 1)?;
    has_exactly(trial, [(first.id, 1), (second.id, 1)])?;
    drop(pool);
    let pool = Pool::start(trial, &settings)?;
    pool.completes(first.id, 1, 2)?;
    pool.completes(second.id, 2, 1)?;
    pool.completes(queued, 3, 1).map(drop)
}

/// No task is left, and the program waits for the client of a connection that looks idle.
fn a_second_signal_at_last(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[("LAME_DUCK_MS", "60000")])?;
    let done = pool.submit("prime", 7)?;
    pool.completes(done, true, 1)?;
    pool.cluster.signal(Signal::SIGTERM);
    pool.has_workers(0)?;
    is_ended_at_once(trial, &pool, Signal::SIGINT)
}

/// A second signal ends everything at once. The exit code must not claim that all went well.
fn is_ended_at_once(trial: &Trial, pool: &Pool, signal: Signal) -> Kept {
    pool.cluster.signal(signal);
    let exit = pool.cluster.wait_exit(Duration::from_secs(5))?;
    trial.expect(exit != Exit::Code(0), "an exit code that isn't 0", exit.to_string())?;
    pool.cluster.wait_gone(PROMPT)
}

/// It has failed, and nothing was cut. The next start has not forgotten that.
fn a_deadline_meanwhile(trial: &Trial) -> Kept {
    let limit = millis(DRAIN);
    let settings = [("WORKERS", "1"), ("QUEUE_LIMIT", "1"), ("TASK_TIMEOUT_MS", limit.as_str())];
    let pool = Pool::start(trial, &settings)?;
    let spin = pool.submit("spin", 0)?;
    pool.starts(spin, 1)?;
    let queued = pool.submit("hold", 1)?;
    is_told_to_end(trial, &pool, Signal::SIGTERM)?;
    ends(trial, &pool, 0)?;
    drop(pool);
    let pool = Pool::start(trial, &[("WORKERS", "1")])?;
    pool.fails(spin, "deadline", 1)?;
    pool.starts(queued, 1)?;
    has_exactly(trial, [(spin, 1), (queued, 1)])
}
