//! Tasks that take too long.

use std::time::{Duration, Instant};

use harness::{Kept, Signal, Trial, patience, who::children};

use crate::{
    journal::{has_exactly, lines, starts},
    scene::{PROMPT, Pool, fresh, millis},
};

const TIMEOUT: Duration = Duration::from_secs(1);
/// The second death in a slot is replaced late, unless it is a task's fault.
const LATER: (&str, &str) = ("RESTART_DELAY_MS", "60000");
/// How late a deadline may be noticed.
const LATE: Duration = Duration::from_secs(2);

pub(crate) fn a_task_over_its_deadline_fails(trial: &Trial) -> Kept {
    runaways(trial)?;
    fresh(trial);
    never_started(trial)
        .map_err(|broken| broken.during("a task that was handed to a frozen worker"))?;
    fresh(trial);
    handed_more(trial).map_err(|broken| broken.during("a worker that is handed more tasks"))?;
    fresh(trial);
    frozen_before_the_start(trial)
        .map_err(|broken| broken.during("a task that its worker started later"))?;
    fresh(trial);
    held_behind_another(trial)
        .map_err(|broken| broken.during("a task that its worker held behind another one"))?;
    fresh(trial);
    no_late_kill(trial).map_err(|broken| broken.during("a task after one that ended in time"))?;
    fresh(trial);
    a_frozen_primary(trial).map_err(|broken| broken.during("a primary that was stopped"))
}

/// One that computes, and one whose worker is frozen. Each has another task behind it, and two more wait
/// in the primary; all of those wait for longer than the deadline.
fn runaways(trial: &Trial) -> Kept {
    let limit = millis(TIMEOUT);
    let settings = [("WORKERS", "2"), ("CREDIT", "2"), ("TASK_TIMEOUT_MS", limit.as_str()), LATER];
    let pool = Pool::start(trial, &settings)?;
    pool.replaces_idle_workers()?;
    let began = Instant::now();
    let spin = pool.submit("spin", 0)?;
    let spinning = pool.starts(spin, 1)?.pid;
    let frozen = pool.hold([1])?[0];
    pool.freeze(frozen.pid)?;
    let waiting = pool.submit_all("prime", [7, 11, 13, 17])?;
    // No client asks meanwhile: the clock alone ends it.
    is_gone(trial, &pool, spinning)?;
    in_time(trial, began)?;
    pool.fails(spin, "deadline", 1)?;
    pool.fails(frozen.id, "deadline", 1)?;
    in_time(trial, began)?;
    for id in &waiting {
        pool.completes(*id, true, 1)?;
    }
    // Two run at once, on new workers. Before both are there, one would hold both tasks.
    pool.has_ready(2)?;
    let mut pids = vec![spinning, frozen.pid];
    let holds = pool.hold([2, 3])?;
    for held in &holds {
        let observed = format!("pid {}", held.pid);
        trial.expect(!pids.contains(&held.pid), "another worker runs the next task", observed)?;
        pids.push(held.pid);
    }
    pool.release([2, 3])?;
    for (held, n) in holds.iter().zip([2, 3]) {
        pool.completes(held.id, n, 1)?;
    }
    pool.has_workers(2)?;
    pool.is(spin, "failed", 1)?;
    let holds = holds.iter().map(|held| held.id);
    has_exactly(trial, [spin, frozen.id].into_iter().chain(waiting).chain(holds).map(|id| (id, 1)))
}

fn is_gone(trial: &Trial, pool: &Pool, pid: u32) -> Kept {
    let gone = || (!children(&pool.cluster).contains(&pid)).then_some(());
    let is_so = processes::until(patience(PROMPT), gone).is_some();
    trial.expect(is_so, "the worker that spins is killed", format!("pid {pid} runs on"))
}

fn in_time(trial: &Trial, began: Instant) -> Kept {
    let (after, limit) = (began.elapsed(), patience(TIMEOUT));
    let observed = format!("after {} ms", after.as_millis());
    let expected = format!("failed after {} ms, and soon", limit.as_millis());
    trial.expect((limit..limit + patience(LATE)).contains(&after), expected, observed)
}

/// The worker is idle and frozen, so the task can't start before it is replaced.
fn never_started(trial: &Trial) -> Kept {
    let limit = millis(TIMEOUT / 2);
    let settings = [("WORKERS", "1"), ("TASK_TIMEOUT_MS", limit.as_str()), LATER];
    let pool = Pool::start(trial, &settings)?;
    pool.replaces_idle_workers()?;
    let first = pool.submit("prime", 11)?;
    pool.completes(first, true, 1)?;
    let before = pool.has_workers(1)?;
    pool.pass(TIMEOUT * 6 / 10);
    let now = pool.has_workers(1)?;
    trial.expect(now == before, "a worker without a task is left alone", "another one is there")?;
    for pid in &before {
        pool.freeze(*pid)?;
    }
    let id = pool.submit("prime", 7)?;
    pool.completes(id, true, 1)?;
    let line = lines(trial)?.into_iter().find(|line| line.task == id);
    let is_new = line.is_some_and(|line| !before.contains(&line.pid));
    trial.expect(is_new, "a new worker ran it", "a worker that was frozen ran it")
}

/// Other tasks come to its worker all the time. They must not put off the end of the one that runs.
fn handed_more(trial: &Trial) -> Kept {
    let limit = millis(TIMEOUT);
    let settings = [("WORKERS", "1"), ("CREDIT", "16"), ("TASK_TIMEOUT_MS", limit.as_str())];
    let pool = Pool::start(trial, &settings)?;
    let began = Instant::now();
    let spin = pool.submit("spin", 0)?;
    // More hand-outs than fit into the time in which the end may be noticed.
    for _ in 0..12 {
        if pool.task(spin)?.status_name() == "failed" {
            break;
        }
        pool.submit("prime", 7)?;
        pool.pass(TIMEOUT * 3 / 10);
    }
    pool.fails(spin, "deadline", 1)?;
    in_time(trial, began)
}

/// The worker is idle and frozen when it is handed the task. The clock starts anew when the task starts.
fn frozen_before_the_start(trial: &Trial) -> Kept {
    let (time, limit) = (TIMEOUT * 7 / 10, millis(TIMEOUT));
    let pool = Pool::start(trial, &[("WORKERS", "1"), ("TASK_TIMEOUT_MS", limit.as_str())])?;
    let only = pool.has_workers(1)?.pop_first();
    let pid = only.ok_or_else(|| trial.broken("a worker", "none"))?;
    pool.freeze(pid)?;
    let held = pool.submit("hold", 1)?;
    pool.pass(time);
    pool.cluster.signal_process(pid, Signal::SIGCONT)?;
    pool.starts(held, 1)?;
    pool.pass(time);
    pool.is(held, "processing", 1)?;
    pool.release([1])?;
    pool.completes(held, 1, 1)?;
    has_exactly(trial, [(held, 1)])
}

/// The clock of a task starts when the task does. A worker that sleeps for less than that is left alone.
fn held_behind_another(trial: &Trial) -> Kept {
    let (time, limit) = (TIMEOUT * 7 / 10, millis(TIMEOUT));
    let settings = [("WORKERS", "1"), ("CREDIT", "2"), ("TASK_TIMEOUT_MS", limit.as_str())];
    let pool = Pool::start(trial, &settings)?;
    let first = pool.hold([1])?[0];
    let second = pool.submit("hold", 2)?;
    pool.pass(time);
    pool.release([1])?;
    pool.completes(first.id, 1, 1)?;
    pool.starts(second, 1)?;
    pool.freeze(first.pid)?;
    pool.pass(time);
    pool.is(second, "processing", 1)?;
    pool.release([2])?;
    pool.cluster.signal_process(first.pid, Signal::SIGCONT)?;
    pool.completes(second, 2, 1)?;
    has_exactly(trial, [(first.id, 1), (second, 1)])
}

/// Its deadline must not end the next task of the same worker, nor the second start of a task.
fn no_late_kill(trial: &Trial) -> Kept {
    let limit = millis(TIMEOUT);
    let pool = Pool::start(trial, &[("WORKERS", "3"), ("TASK_TIMEOUT_MS", limit.as_str())])?;
    let first = pool.hold([1])?[0];
    let again = pool.hold([3])?[0];
    let spin = pool.submit("spin", 0)?;
    let spinning = pool.starts(spin, 1)?;
    // Before that deadline a new worker has to start, and the first task to end.
    pool.pass(TIMEOUT * 4 / 10);
    pool.kill(again.pid)?;
    pool.starts(again.id, 2)?;
    pool.release([1])?;
    pool.completes(first.id, 1, 1)?;
    let second = pool.hold([2])?[0];
    trial.expect(second.pid == first.pid, "the same worker runs it", "another one does")?;
    // By then the deadline of the first one is over, too.
    pool.fails(spin, "deadline", 1)?;
    let held = pool.starts(second.id, 1)?;
    trial.expect(held.pid != spinning.pid, "another worker", "the one that spun")?;
    pool.starts(again.id, 2)?;
    pool.release([2, 3])?;
    pool.completes(second.id, 2, 1)?;
    pool.completes(again.id, 3, 2)?;
    has_exactly(trial, [(first.id, 1), (spin, 1), (second.id, 1), (again.id, 2)])
}

/// The primary sleeps through the deadline of a task that ended in time, and of one that did not.
fn a_frozen_primary(trial: &Trial) -> Kept {
    let limit = millis(TIMEOUT / 2);
    let pool = Pool::start(trial, &[("WORKERS", "2"), ("TASK_TIMEOUT_MS", limit.as_str())])?;
    let quick = pool.hold([1])?[0];
    let spin = pool.submit("spin", 0)?;
    pool.starts(spin, 1)?;
    pool.freeze(pool.cluster.pid)?;
    pool.release([1])?;
    pool.until("the worker has finished its task", || {
        Ok(lines(trial)?.iter().any(|line| line.task == quick.id && line.did == "finished"))
    })?;
    pool.pass(TIMEOUT * 3 / 4);
    pool.cluster.signal(Signal::SIGCONT);
    pool.completes(quick.id, 1, 1)?;
    pool.fails(spin, "deadline", 1)?;
    let again = pool.hold([2, 3])?;
    trial.expect(again[0].pid != again[1].pid, "two workers again", "one worker for both")?;
    pool.release([2, 3])?;
    let often = starts(trial)?.len();
    trial.expect(often == 4, "four starts in all", format!("{often}"))
}
