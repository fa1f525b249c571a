//! Workers that die over a task, and tasks that kill their workers.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{Kept, Signal, Trial, patience, who::children};

use crate::{
    journal::{has_exactly, starts},
    scene::{Pool, fresh, millis},
    tasks::Held,
};

pub(crate) fn a_killed_workers_task_is_done_by_another(trial: &Trial) -> Kept {
    let pool = Pool::start(trial, &[("MAX_ATTEMPTS", "4"), ("RESTART_DELAY_MS", "60000")])?;
    let holds = pool.hold(1..=4)?;
    let queued = pool.submit_all("hold", 100..120)?;
    pool.is_full()?;
    // Two at once, the younger one first: the primary sleeps, and wakes with both. The queue is full.
    let victims = [holds[2], holds[0]];
    pool.freeze(pool.cluster.pid)?;
    for victim in victims {
        pool.kill(victim.pid)?;
    }
    pool.cluster.signal(Signal::SIGCONT);
    pool.is_full()?;
    let mut again = Vec::new();
    for victim in victims {
        let line = pool.starts(victim.id, 2)?;
        let old = holds.iter().any(|held| held.pid == line.pid);
        trial.expect(
            !old,
            "a new worker runs it",
            format!("pid {}, which runs another", line.pid),
        )?;
        again.push(Held { id: victim.id, pid: line.pid });
    }
    none_of(trial, &queued)?;
    pool.is_full()?;
    // The same task once more.
    pool.kill(again[0].pid)?;
    pool.starts(again[0].id, 3)?;
    none_of(trial, &queued)?;
    for held in [holds[1], holds[3]] {
        pool.is(held.id, "processing", 1)?;
    }
    for id in &queued {
        pool.is(*id, "queued", 0)?;
    }
    pool.release((1..=4).chain(100..120))?;
    for (id, n) in queued.iter().zip(100..) {
        pool.completes(*id, n, 1)?;
    }
    let often = [2, 1, 3, 1];
    for (held, attempts) in holds.iter().zip(often) {
        pool.completes(held.id, held.id, attempts)?;
    }
    let starts = holds.iter().zip(often).map(|(held, often)| (held.id, often));
    has_exactly(trial, starts.chain(queued.iter().map(|id| (*id, 1))))?;
    an_idle_worker_dies(trial, &pool)?;
    drop(pool);
    fresh(trial);
    it_dies_again(trial)
}

/// Half of the delay may be taken away at random.
const DELAY: Duration = Duration::from_millis(400);

/// The second death of an idle worker in a slot: its replacement comes later, and does what waits.
fn it_dies_again(trial: &Trial) -> Kept {
    let delay = millis(DELAY);
    let pool = Pool::start(trial, &[("WORKERS", "1"), ("RESTART_DELAY_MS", delay.as_str())])?;
    pool.replaces_idle_workers()?;
    let victim = children(&pool.cluster).into_iter().next().unwrap_or_default();
    let began = Instant::now();
    pool.kill(victim)?;
    pool.replaces(victim, 1)?;
    let (after, least) = (began.elapsed(), patience(DELAY) / 2);
    let expected = format!("a replacement after {} ms or later", least.as_millis());
    trial.expect(after >= least, expected, format!("after {} ms", after.as_millis()))?;
    let next = pool.submit("prime", 7)?;
    pool.completes(next, true, 1).map(drop)
}

/// None of these tasks was started.
pub(crate) fn none_of(trial: &Trial, queued: &[u64]) -> Kept {
    let early = starts(trial)?.into_iter().find(|id| queued.contains(id));
    let observed =
        early.map(|id| format!("task {id}, which came later, was started")).unwrap_or_default();
    trial.expect(early.is_none(), "the older task starts first", observed)
}

/// Each worker that is there gets a task, also a replacement.
fn an_idle_worker_dies(trial: &Trial, pool: &Pool) -> Kept {
    let before = pool.has_workers(4)?;
    let victim = before.iter().next().copied().unwrap_or_default();
    pool.kill(victim)?;
    pool.replaces(victim, 4)?;
    let holds = pool.hold(200..204)?;
    let pids: BTreeSet<u32> = holds.iter().map(|held| held.pid).collect();
    trial.expect(pids.len() == 4, "four tasks run at once again", format!("{} do", pids.len()))?;
    pool.release(200..204)
}

impl Pool<'_> {
    /// Waits until another worker is there instead of `victim`: `number` of them in all.
    fn replaces(&self, victim: u32, number: usize) -> Kept {
        self.until("another worker in its place", || {
            let now = children(&self.cluster);
            Ok(now.len() == number && !now.contains(&victim))
        })
    }

    /// Kills each worker once, while it has no task, and waits until all workers are ready again.
    pub(crate) fn replaces_idle_workers(&self) -> Kept {
        let all = children(&self.cluster);
        for victim in &all {
            self.kill(*victim)?;
            self.replaces(*victim, all.len())?;
        }
        self.has_ready(all.len())
    }
}

pub(crate) fn a_poison_task_fails_and_its_neighbours_do_not_pay(trial: &Trial) -> Kept {
    for attempts in [3, 1] {
        fresh(trial);
        let most = attempts.to_string();
        let settings = [("WORKERS", "1"), ("CREDIT", "3"), ("MAX_ATTEMPTS", most.as_str())];
        let pool = Pool::start(trial, &settings)?;
        poison(trial, &pool, attempts)
            .map_err(|broken| broken.during(&format!("MAX_ATTEMPTS={attempts}")))?;
    }
    Ok(())
}

/// The worker holds the poison and its neighbours together.
fn poison(trial: &Trial, pool: &Pool, attempts: u64) -> Kept {
    let first = pool.hold([1])?[0];
    let poison = pool.submit("crash", 0)?;
    let primes = pool.submit_all("prime", [7, 9, 11])?;
    pool.release([1])?;
    pool.fails(poison, "attempts", attempts)?;
    for (id, result) in primes.iter().zip([true, false, true]) {
        pool.completes(*id, result, 1)?;
    }
    let started = starts(trial)?;
    let poisoned = (0..attempts).map(|_| poison);
    let wanted: Vec<u64> = [first.id].into_iter().chain(poisoned).chain(primes).collect();
    let observed = format!("started: {started:?}");
    trial.expect(started == wanted, format!("started: {wanted:?}"), observed)?;
    killed_from_outside(trial, pool, attempts)
}

/// A task whose worker is killed from outside fails after as many starts. The tasks that the worker held pay nothing.
fn killed_from_outside(trial: &Trial, pool: &Pool, attempts: u64) -> Kept {
    let victim = pool.submit("hold", 2)?;
    let behind = pool.submit_all("hold", 3..6)?;
    for attempt in 1..=attempts {
        let line = pool.starts(victim, attempt)?;
        pool.kill(line.pid)?;
    }
    pool.fails(victim, "attempts", attempts)?;
    pool.starts(behind[0], 1)?;
    pool.release(3..6)?;
    for (id, n) in behind.iter().zip(3..) {
        pool.completes(*id, n, 1)?;
    }
    pool.is(victim, "failed", attempts).map(drop)?;
    let more = starts(trial)?.iter().filter(|id| **id == victim).count() as u64;
    trial.expect(more == attempts, format!("{attempts} starts of it"), format!("{more}"))
}
