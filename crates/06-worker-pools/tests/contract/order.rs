//! Who gets a task, and which task comes next.

use std::collections::BTreeSet;

use harness::{Kept, Trial, who::children};

use crate::{
    journal::{has_exactly, starts},
    scene::{Pool, fresh},
    tasks::Held,
};

pub(crate) fn no_worker_is_idle_while_a_task_waits(trial: &Trial) -> Kept {
    for (workers, credit) in [("4", "1"), ("4", "3"), ("2", "1")] {
        fresh(trial);
        let pool = Pool::start(trial, &[("WORKERS", workers), ("CREDIT", credit)])?;
        let number = workers.parse().unwrap_or(4);
        all_run_at_once(trial, &pool, number)
            .map_err(|broken| broken.during(&format!("WORKERS={workers} CREDIT={credit}")))?;
    }
    Ok(())
}

fn all_run_at_once(trial: &Trial, pool: &Pool, workers: u64) -> Kept {
    let holds = pool.hold(1..=workers)?;
    let pids: BTreeSet<u32> = holds.iter().map(|held| held.pid).collect();
    let observed = format!("{} workers run them", pids.len());
    let expected = format!("{workers} tasks run on {workers} workers");
    trial.expect(pids.len() as u64 == workers, expected, observed)?;
    trial.expect(
        pids == children(&pool.cluster),
        "workers that are children",
        format!("{pids:?}"),
    )?;
    // More than the credit of all workers together, so that one waits in the primary.
    let waiting = pool.submit_all("hold", 100..100 + 3 * workers)?;
    for id in &waiting {
        pool.is(*id, "queued", 0)?;
    }
    let freed = &holds[holds.len() / 2];
    pool.release([freed.id])?;
    let next = next_after(pool, &waiting)?;
    let expected = format!("the next task runs on pid {}, which is free", freed.pid);
    trial.expect(next.pid == freed.pid, expected, format!("pid {}", next.pid))?;
    pool.release((1..=workers).chain(100..100 + 3 * workers))?;
    for (id, n) in waiting.iter().zip(100..) {
        pool.completes(*id, n, 1)?;
    }
    let all = holds.iter().map(|held| held.id).chain(waiting.iter().copied());
    has_exactly(trial, all.map(|id| (id, 1)))
}

/// The first of the tasks that waited to run. With a credit it need not be the oldest.
fn next_after(pool: &Pool, waiting: &[u64]) -> Kept<Held> {
    let is_started = || Ok(starts(pool.trial)?.iter().any(|id| waiting.contains(id)));
    pool.until("one of the tasks that wait is started", is_started)?;
    let started = starts(pool.trial)?.into_iter().find(|id| waiting.contains(id));
    let id = started.unwrap_or_default();
    Ok(Held { id, pid: pool.starts(id, 1)?.pid })
}

/// Through one worker, while three others are kept: then the order of starts is that of the queue.
pub(crate) fn tasks_start_in_the_order_in_which_they_came(trial: &Trial) -> Kept {
    for (credit, tasks) in [("1", 12), ("4", 12), ("32", 40)] {
        fresh(trial);
        let settings = [("CREDIT", credit), ("WORKERS", "1"), ("QUEUE_LIMIT", "100")];
        let pool = Pool::start(trial, &settings)?;
        through_one_worker(trial, &pool, tasks)
            .map_err(|broken| broken.during(&format!("CREDIT={credit}")))?;
    }
    fresh(trial);
    let pool = Pool::start(trial, &[])?;
    let three = pool.hold(1..=3)?;
    let order = through_one_worker(trial, &pool, 12)?;
    let kept: Vec<u64> = three.iter().map(|held| held.id).collect();
    trial.expect(order.iter().all(|id| !kept.contains(id)), "three workers kept", "not so")
}

/// The last hold keeps the last worker until all tasks wait.
fn through_one_worker(trial: &Trial, pool: &Pool, tasks: usize) -> Kept<Vec<u64>> {
    let last = pool.hold([50])?[0];
    let mut ids = Vec::new();
    for n in 0..tasks {
        let kind = ["hash", "prime", "fibonacci"][n % 3];
        ids.push(pool.submit_quietly(kind, 1 + (tasks - n) as u64 % 13)?);
    }
    trial.recorder.observe(format!("{tasks} tasks wait"));
    pool.release([50])?;
    pool.becomes(last.id, "completed")?;
    for id in &ids {
        pool.becomes_quietly(*id, "completed")?;
    }
    let started: Vec<u64> = starts(trial)?.into_iter().filter(|id| ids.contains(id)).collect();
    let expected = format!("started in the order {ids:?}");
    trial.expect(started == ids, expected, format!("started in the order {started:?}"))?;
    Ok(ids)
}
