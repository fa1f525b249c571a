//! The example's pool with its spool; its clients are in the primary, so that no HTTP is measured.

use std::{
    collections::BTreeMap,
    process::{self, ExitCode},
    time::Instant,
};

use harness::Signal;
use worker_pools::{
    Config, Id, Kind, Pid, Refusal, Spool, State, Task, TaskPool, Value, Work, run_with,
};

use crate::{
    pool::Pool,
    size::Size,
    systems::TASKS,
    threads::{Measure, calibrate, number, say},
};

struct Fed {
    pool: Pool<Spool>,
    measure: Measure,
    /// Tasks that have not come yet.
    left: u64,
    missing_workers: usize,
    began: Option<Instant>,
}

pub(crate) fn run() -> ExitCode {
    run_with(|config: Config| {
        let (spool, recovered) = Spool::open(&config.spool)?;
        let missing_workers = crate::workers();
        let pool = Pool::new(config, spool, Size::from_env()?, recovered);
        let left = number(TASKS);
        Ok(Fed { pool, measure: calibrate(), left, missing_workers, began: None })
    })
}

impl Fed {
    /// More tasks come, as many as find a place.
    fn feed(&mut self) {
        if self.began.is_none() {
            return;
        }
        while self.left > 0 {
            let work = Work { kind: Kind::Hash, n: self.measure.rounds, priority: 0, key: None };
            if self.pool.submit(work).is_err() {
                return;
            }
            self.left -= 1;
        }
        if self.pool.tasks().values().all(|task| task.state.has_ended()) {
            let elapsed = self.began.take().map(|began| began.elapsed()).unwrap_or_default();
            say(self.measure.alone, elapsed);
            let _ = processes::sweep::send(process::id(), Signal::SIGTERM);
        }
    }
}

impl TaskPool for Fed {
    fn tasks(&self) -> &BTreeMap<Id, Task> {
        self.pool.tasks()
    }

    fn next_id(&self) -> Id {
        self.pool.next_id()
    }

    fn ready(&mut self, pid: Pid) {
        self.pool.ready(pid);
        self.missing_workers = self.missing_workers.saturating_sub(1);
        if self.missing_workers == 0 && self.began.is_none() && self.left == number(TASKS) {
            self.began = Some(Instant::now());
        }
        self.feed();
    }

    fn submit(&mut self, work: Work) -> Result<Id, Refusal> {
        self.pool.submit(work)
    }

    fn dispatch(&mut self) -> Option<(Pid, Id)> {
        self.pool.dispatch()
    }

    fn started(&mut self, pid: Pid, id: Id) {
        self.pool.started(pid, id);
    }

    fn finished(&mut self, pid: Pid, id: Id, result: Value) {
        self.pool.finished(pid, id, result);
        // Not for each: what has ended is looked for in the whole map.
        let waiting = self.pool.tasks().values().filter(|task| task.state == State::Queued);
        if waiting.count() < 32 {
            self.feed();
        }
    }

    fn lost(&mut self, pid: Pid) {
        self.pool.lost(pid);
        self.feed();
    }

    fn deadline(&self) -> Option<Instant> {
        self.pool.deadline()
    }

    fn expire(&mut self, now: Instant) -> Vec<Pid> {
        self.pool.expire(now)
    }
}
