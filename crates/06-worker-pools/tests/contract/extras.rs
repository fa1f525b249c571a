//! Promises beyond what the exercise asks for.

use std::time::Duration;

use harness::{Kept, Signal, Trial};
use serde_json::json;

use crate::{
    deaths::none_of,
    journal::{has_exactly, starts},
    scene::{Pool, fresh, millis},
};

fn submit_with(pool: &Pool, kind: &str, n: u64, priority: u64) -> Kept<u64> {
    let body = json!({ "type": kind, "n": n, "priority": priority }).to_string();
    pool.ask_quietly("POST", "/task", &body)?.is(pool.trial, 202)?.id(pool.trial)
}

/// How many numbers one step of a priority is worth.
const STEP: u64 = 10;

pub(crate) fn a_high_priority_passes_others_but_not_forever(trial: &Trial) -> Kept {
    let settings = [("WORKERS", "1"), ("QUEUE_LIMIT", "200")];
    let pool = Pool::start(trial, &settings)?;
    for wrong in ["10", "-1", "1.5", "\"9\""] {
        let body = format!(r#"{{"type":"prime","n":7,"priority":{wrong}}}"#);
        pool.ask_quietly("POST", "/task", &body)?.is(trial, 400)?;
    }
    let first = pool.hold([1])?[0];
    // Low ones, then a stream of high ones, longer than what the highest priority is worth.
    let mut tasks = Vec::new();
    let stream = [9, 9, 3, 0].into_iter().cycle().take(105);
    for priority in [0; 5].into_iter().chain(stream) {
        tasks.push((submit_with(&pool, "hash", 1, priority)?, priority));
    }
    trial.recorder.observe("110 tasks wait, with priorities 0, 3 and 9");
    // A task that comes back was started before, and passes all of them.
    pool.kill(first.pid)?;
    pool.starts(first.id, 2)?;
    let all: Vec<u64> = tasks.iter().map(|(id, _)| *id).collect();
    none_of(trial, &all)?;
    // The next start knows the priorities, too.
    pool.kill_primary()?;
    let pool = Pool::start(trial, &settings)?;
    pool.starts(first.id, 3)?;
    none_of(trial, &all)?;
    pool.release([1])?;
    for (id, _) in &tasks {
        pool.becomes_quietly(*id, "completed")?;
    }
    tasks.sort_by_key(|(id, priority)| (id + STEP * (9 - priority), *id));
    let wanted: Vec<u64> = tasks.into_iter().map(|(id, _)| id).collect();
    let started: Vec<u64> = starts(trial)?.into_iter().filter(|id| *id != first.id).collect();
    let wrong = wanted.iter().zip(&started).position(|(wanted, started)| wanted != started);
    let at = wrong.unwrap_or(0);
    let place = format!("of the {} that waited, number {}", wanted.len(), at + 1);
    let expected = format!("task {} starts as {place}", wanted[at]);
    let observed = started.get(at).map_or("no task".to_owned(), |id| format!("task {id}"));
    let observed = format!("{observed} starts as {place}");
    trial.expect(wanted == started, expected, observed)
}

pub(crate) fn a_task_can_be_called_off(trial: &Trial) -> Kept {
    // A worker that is killed because its task was called off is replaced without a delay.
    let settings =
        [("WORKERS", "1"), ("CREDIT", "2"), ("QUEUE_LIMIT", "4"), ("RESTART_DELAY_MS", "60000")];
    let pool = Pool::start(trial, &settings)?;
    let running = pool.hold([1])?[0];
    // Numbers 2 and 3: one is held by the worker, the other one waits in the primary.
    let waiting = pool.submit_all("hold", [2, 3, 4, 5])?;
    pool.is_full()?;
    for id in &waiting[..2] {
        called_off(&pool, *id)?;
    }
    // Their places are free, and the task that runs is untouched.
    let more = pool.submit_all("hold", [6, 7])?;
    pool.is_full()?;
    pool.is(running.id, "processing", 1)?;
    pool.release([1])?;
    pool.completes(running.id, 1, 1)?;
    let next = pool.starts(waiting[2], 1)?;
    trial.expect(next.pid == running.pid, "the same worker", "another one runs the next task")?;
    called_off(&pool, waiting[2])?;
    let last = pool.starts(waiting[3], 1)?;
    trial.expect(last.pid != next.pid, "a new worker", "the old one runs the next task")?;
    let there = pool.has_workers(1)?;
    trial.expect(!there.contains(&next.pid), "the worker that ran it is gone", "it is there")?;
    pool.release(5..=7)?;
    for id in waiting[3..].iter().chain(&more) {
        pool.becomes(*id, "completed")?;
    }
    for (id, status) in [(running.id, 409), (waiting[0], 409), (waiting[2], 409), (99, 404)] {
        let reply = pool.ask("DELETE", &format!("/task/{id}"), "")?;
        trial.expect(reply.status == status, format!("{status}"), reply.to_string())?;
    }
    let spin = pool.submit("spin", 0)?;
    pool.starts(spin, 1)?;
    called_off(&pool, spin)?;
    let last = pool.submit("prime", 7)?;
    pool.completes(last, true, 1)?;
    let stats = pool.ask("GET", "/stats", "")?;
    trial.expect(stats.json["cancelled"] == 4, "cancelled=4", stats.to_string())?;
    let started = [running.id, waiting[2], waiting[3], more[0], more[1], spin, last];
    pool.kill_primary()?;
    let pool = Pool::start(trial, &settings)?;
    for id in [waiting[0], waiting[1], waiting[2], spin] {
        let reply = pool.task(id)?;
        let is_so = reply.json["status"] == "cancelled";
        trial.expect(
            is_so,
            format!("task {id} is cancelled after a restart"),
            reply.to_string(),
        )?;
    }
    pool.completes(last, true, 1)?;
    has_exactly(trial, started.map(|id| (id, 1)))?;
    drop(pool);
    fresh(trial);
    it_is_forgotten_like_others(trial)?;
    fresh(trial);
    held_by_a_frozen_worker(trial)
        .map_err(|broken| broken.during("many tasks called off while their worker is frozen"))?;
    fresh(trial);
    nothing_is_due(trial)
        .map_err(|broken| broken.during("the only task of a frozen worker is called off"))
}

/// The worker is idle and frozen when it is handed the task. Once the task is called off, the worker has none, and
/// no deadline either.
fn nothing_is_due(trial: &Trial) -> Kept {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let limit = millis(TIMEOUT);
    let pool = Pool::start(trial, &[("WORKERS", "1"), ("TASK_TIMEOUT_MS", limit.as_str())])?;
    let before = pool.has_workers(1)?;
    for pid in &before {
        pool.freeze(*pid)?;
    }
    let id = pool.submit("prime", 7)?;
    called_off(&pool, id)?;
    pool.pass(TIMEOUT * 12 / 10);
    let now = pool.has_workers(1)?;
    trial.expect(now == before, "a worker without a task is left alone", "another one is there")?;
    for pid in &before {
        pool.cluster.signal_process(*pid, Signal::SIGCONT)?;
    }
    let last = pool.submit("prime", 11)?;
    pool.completes(last, true, 1)?;
    has_exactly(trial, [(last, 1)])
}

/// More than any channel holds. The frozen worker runs a task, and each of these is held behind it.
fn held_by_a_frozen_worker(trial: &Trial) -> Kept {
    const MANY: u64 = 400;
    let settings = [("WORKERS", "1"), ("CREDIT", "2"), ("TASK_TIMEOUT_MS", "60000")];
    let pool = Pool::start(trial, &settings)?;
    let running = pool.hold([1])?[0];
    pool.freeze(running.pid)?;
    for _ in 0..MANY {
        let id = pool.submit_quietly("prime", 7)?;
        pool.ask_quietly("DELETE", &format!("/task/{id}"), "")?.is(trial, 200)?;
    }
    trial.recorder.observe(format!("{MANY} tasks are accepted and called off"));
    pool.release([1])?;
    pool.cluster.signal_process(running.pid, Signal::SIGCONT)?;
    pool.completes(running.id, 1, 1)?;
    let last = pool.submit("prime", 11)?;
    pool.completes(last, true, 1)?;
    has_exactly(trial, [(running.id, 1), (last, 1)])
}

fn it_is_forgotten_like_others(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[("WORKERS", "1"), ("RESULTS_LIMIT", "2")])?;
    let running = pool.hold([1])?[0];
    let waiting = pool.submit_all("hold", [2, 3, 4])?;
    for id in &waiting {
        called_off(&pool, *id)?;
    }
    for (id, status) in waiting.iter().zip([410, 200, 200]) {
        pool.ask("GET", &format!("/task/{id}"), "")?.is(trial, status)?;
    }
    pool.release([1])?;
    pool.completes(running.id, 1, 1)?;
    pool.ask("GET", &format!("/task/{}", waiting[1]), "")?.is(trial, 410).map(drop)
}

fn called_off(pool: &Pool, id: u64) -> Kept {
    let reply = pool.ask("DELETE", &format!("/task/{id}"), "")?.is(pool.trial, 200)?;
    let is_so = reply.json["status"] == "cancelled";
    pool.trial.expect(is_so, format!("task {id} is cancelled"), reply.to_string())
}
