//! Exercise 5: a worker pool with a task queue (45 to 60 minutes).
//!
//! Clients bring tasks; four workers do them. A task that was accepted ends as completed or failed, whatever
//! dies meanwhile: the worker that runs it, or the primary with all workers.
//!
//! The numbered functions are yours; you may add to the rest. What you may call is in `worker_pools`.
//! The primary calls one function after the other, and calls `dispatch` again after each of the others.
//!
//! ```text
//! read     guide 07-worker-pools                      cargo xtask guide 7
//! look up  crates/06-worker-pools/src/lib.rs          cargo doc --no-deps -p worker-pools --open
//! check    all promises, easiest first                cargo xtask check exercise-5
//! stuck    a nudge, then more                         cargo xtask hint exercise-5
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    process::ExitCode,
    time::Instant,
};

use worker_pools::{
    Cancel, Config, Id, Pid, Place, Reason, Refusal, Spool, State, Task, TaskPool, Value, Work,
    warn,
};

fn main() -> ExitCode {
    worker_pools::run(Pool::new)
}

/// The tasks, and the workers that may have one.
struct Pool {
    config: Config,
    spool: Spool,
    /// Every task that is remembered, by its number. Numbers grow, so the oldest task comes first.
    tasks: BTreeMap<Id, Task>,
    next: Id,
    /// The tasks that have ended, in the order in which they did.
    ended: VecDeque<Id>,
    /// The workers that may have tasks. A worker that has tasks must start the next one, or
    /// finish the one that runs, by this moment. That is its next step.
    workers: BTreeMap<Pid, Option<Instant>>,
}

impl Pool {
    fn new(Place { config, spool, recovered }: Place) -> Self {
        let next = recovered.next;
        let (tasks, ended, workers) = Default::default();
        let mut pool = Pool { config, spool, tasks, next, ended, workers };
        pool.recover(recovered.tasks);
        pool
    }

    /// The tasks of a former program. Its workers are dead, as if each of them had died on its own.
    fn recover(&mut self, tasks: Vec<Task>) {
        let dead: Vec<Pid> = tasks.iter().filter_map(|task| task.state.worker()).collect();
        for task in tasks {
            let (id, state) = (task.id, task.state.clone());
            self.tasks.insert(id, task);
            if state.has_ended() {
                self.end(id, state);
            }
        }
        for pid in dead {
            self.lost(pid);
        }
    }

    /// Writes the task as it is now. If the spool can't be written, the task may run again after the next
    /// start of the program. That is no reason to stop now.
    fn keep(&mut self, id: Id) {
        let Some(task) = self.tasks.get(&id) else { return };
        if let Err(error) = self.spool.write(task) {
            warn(format_args!("task {id} can't be written: {error}"));
        }
    }

    /// How many tasks the worker `pid` has, started or not.
    fn load(&self, pid: Pid) -> usize {
        self.tasks.values().filter(|task| task.state.worker() == Some(pid)).count()
    }

    /// From now on the worker `pid` has `task_timeout` for its next step. A worker that isn't in `workers` any
    /// more gets no more time.
    fn expect_step(&mut self, pid: Pid) {
        if let Some(step) = self.workers.get_mut(&pid) {
            *step = Some(Instant::now() + self.config.task_timeout);
        }
    }

    /// Function 5. The task `id` has come to its end, as `state` says.
    ///
    /// 1. Give it that state, and `keep` it, so that it does not run again after the next start of the
    ///    program: promise 10 ("SIGTERM finishes what runs") and 11 ("kill -9 of the primary").
    /// 2. Then put it at the end of `ended`.
    /// 3. While more than `config.results_limit` have ended, forget the one that ended first, in `tasks` and
    ///    in the spool: promise 12 ("Results are bounded").
    fn end(&mut self, id: Id, state: State) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.state = state;
        self.keep(id);
        self.ended.push_back(id);
        while self.ended.len() > self.config.results_limit {
            if let Some(oldest) = self.ended.pop_front() {
                self.tasks.remove(&oldest);
                self.spool.forget(oldest);
            }
        }
    }
}

/// Where a task stands in the queue. A higher priority stands further ahead, and an older task, too: so
/// none waits forever.
fn place_of(task: &Task) -> u64 {
    task.id.0 + 10 * u64::from(9 - task.work.priority)
}

impl TaskPool for Pool {
    fn tasks(&self) -> &BTreeMap<Id, Task> {
        &self.tasks
    }

    fn next_id(&self) -> Id {
        self.next
    }

    fn ready(&mut self, pid: Pid) {
        self.workers.insert(pid, None);
    }

    /// Function 1. A client brings a task.
    ///
    /// 1. If `config.queue_limit` tasks or more wait (`state.is_waiting`: queued or held), return
    ///    `Refusal::Full`: promise 5 ("answers 429").
    /// 2. Otherwise make a task with the number `next`, and write it by `self.spool.write(&task)?`: promise 11
    ///    ("kill -9 of the primary").
    /// 3. Only if that went well, count `next` up, put the task into `tasks`, and return its number.
    /// 4. An extra, promise 15 ("the same key"), before all of this: if a task has this `work.key` already,
    ///    return its number, also when the queue is full; or `Refusal::Conflict` if its work is another one.
    fn submit(&mut self, work: Work) -> Result<Id, Refusal> {
        let has_its_key = |task: &&Task| work.key.is_some() && task.work.key == work.key;
        if let Some(task) = self.tasks.values().find(has_its_key) {
            return if task.work == work { Ok(task.id) } else { Err(Refusal::Conflict) };
        }
        let waiting = self.tasks.values().filter(|task| task.state.is_waiting()).count();
        if waiting >= self.config.queue_limit {
            return Err(Refusal::Full);
        }
        let task = Task::new(self.next, work);
        self.spool.write(&task)?;
        let id = task.id;
        self.next = id.next();
        self.tasks.insert(id, task);
        Ok(id)
    }

    /// Function 2. Which task goes to which worker next? `None` if no task is queued, or no worker may have
    /// one more.
    ///
    /// 1. Of `workers`, take the one with the smallest `load`: promise 3 ("no worker is idle").
    /// 2. It may have at most `config.credit` tasks.
    /// 3. Take the task that is `Queued` and has the smallest number: promise 4 ("in the order"). A task whose
    ///    worker died has a smaller number than each that was never started, so it comes first.
    /// 4. From now on the task is `Held` by that worker.
    /// 5. If the worker had no task, it must take its next step in time: `expect_step`.
    /// 6. An extra, promise 13 ("passes others"): first come the tasks that were started before, by their
    ///    numbers. Then each other one, as if its number were smaller by 10 for each step of its
    ///    `work.priority`. Of several with the same place take the oldest one.
    fn dispatch(&mut self) -> Option<(Pid, Id)> {
        let loads = self.workers.keys().map(|pid| (self.load(*pid), *pid));
        let (load, pid) = loads.min()?;
        if load >= self.config.credit {
            return None;
        }
        let queued = self.tasks.values_mut().filter(|task| task.state == State::Queued);
        let task = queued.min_by_key(|task| (task.attempts == 0, place_of(task), task.id))?;
        task.state = State::Held(pid);
        let id = task.id;
        if load == 0 {
            self.expect_step(pid);
        }
        Some((pid, id))
    }

    /// Function 3. The worker `pid` starts the task `id`.
    ///
    /// 1. If the task isn't `Held` by this worker, do nothing.
    /// 2. A start is an attempt: promise 7 ("fails after 3 starts"). Count it, and `keep` the task, which is
    ///    `Processing` now.
    /// 3. The worker must take its next step in time (`expect_step`): promise 8 ("over its deadline").
    fn started(&mut self, pid: Pid, id: Id) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if task.state != State::Held(pid) {
            return;
        }
        task.attempts += 1;
        task.state = State::Processing(pid);
        self.keep(id);
        self.expect_step(pid);
    }

    /// Function 4. The worker `pid` has finished the task `id`.
    ///
    /// 1. If the task isn't `Processing` in this worker, do nothing: it has ended meanwhile, and the worker
    ///    is about to be killed.
    /// 2. `end` the task with its result.
    /// 3. If the worker holds another task, it must take its next step in time (`expect_step`); otherwise its
    ///    step is `None`.
    fn finished(&mut self, pid: Pid, id: Id, result: Value) {
        let is_running = |task: &Task| task.state == State::Processing(pid);
        if !self.tasks.get(&id).is_some_and(is_running) {
            return;
        }
        self.end(id, State::Completed(result));
        if self.load(pid) > 0 {
            self.expect_step(pid);
        } else {
            self.workers.insert(pid, None);
        }
    }

    /// Function 6. The worker `pid` is dead.
    ///
    /// 1. It may have no more tasks.
    /// 2. A task that it only held is `Queued` again, with the attempts that it had: promise 7 ("don't pay").
    /// 3. The task that it had started is `Queued` again, too: promise 6 ("done by another").
    /// 4. But if that one was started `config.max_attempts` times or more, it ends as failed: promise 7
    ///    ("fails after 3 starts").
    fn lost(&mut self, pid: Pid) {
        self.workers.remove(&pid);
        let mut failed = Vec::new();
        for task in self.tasks.values_mut().filter(|task| task.state.worker() == Some(pid)) {
            if task.state == State::Processing(pid) && task.attempts >= self.config.max_attempts {
                failed.push(task.id);
            } else {
                task.state = State::Queued;
            }
        }
        for id in failed {
            self.end(id, State::Failed(Reason::Attempts));
        }
    }

    // An extra, promise 14 ("called off"): write `cancel`, which is described in `TaskPool`.
    fn cancel(&mut self, id: Id) -> Option<Cancel> {
        let cancel = match self.tasks.get(&id)?.state {
            State::Queued => Cancel::Done,
            State::Held(pid) => Cancel::Forget(pid),
            State::Processing(pid) => Cancel::Kill(pid),
            State::Completed(_) | State::Failed(_) | State::Cancelled => {
                return Some(Cancel::TooLate);
            }
        };
        self.end(id, State::Cancelled);
        if let Cancel::Kill(pid) = cancel {
            self.workers.remove(&pid);
        }
        if let Cancel::Forget(pid) = cancel
            && self.load(pid) == 0
        {
            self.workers.insert(pid, None);
        }
        Some(cancel)
    }

    fn deadline(&self) -> Option<Instant> {
        self.workers.values().flatten().min().copied()
    }

    /// Function 7. Time has passed. Returns the workers that must be killed.
    ///
    /// 1. These are the workers whose next step is due at `now` or before: promise 8 ("over its deadline").
    /// 2. None of them may have another task: remove it from `workers`.
    /// 3. The task that it has started ends as failed. A deadline is final. What it only held comes back when
    ///    the primary calls `lost`.
    fn expire(&mut self, now: Instant) -> Vec<Pid> {
        let is_late = |(_, step): &(&Pid, &Option<Instant>)| step.is_some_and(|by| by <= now);
        let late: Vec<Pid> = self.workers.iter().filter(is_late).map(|(pid, _)| *pid).collect();
        for pid in &late {
            self.workers.remove(pid);
            let processing = |task: &&Task| task.state == State::Processing(*pid);
            if let Some(id) = self.tasks.values().find(processing).map(|task| task.id) {
                self.end(id, State::Failed(Reason::Deadline));
            }
        }
        late
    }
}
