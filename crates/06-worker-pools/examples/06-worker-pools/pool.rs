//! Which task runs when, where, and how often.
//!
//! The state of a task is in the task, and all tasks are in one map. Nothing is counted beside it, so
//! no count can drift.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use worker_pools::{
    Cancel, Config, Id, Pid, Reason, Recovered, Refusal, State, Task, TaskPool, Value, Work, warn,
};

use crate::{home::Home, size::Size};

/// The tasks, and the workers that may have one.
pub(crate) struct Pool<H> {
    config: Config,
    pub(crate) home: H,
    size: Size,
    /// Every task that is remembered, by its number. Numbers grow, so the oldest task comes first.
    tasks: BTreeMap<Id, Task>,
    next: Id,
    /// The tasks that have ended, in the order in which they did.
    ended: VecDeque<Id>,
    /// The workers that may have tasks. One that has tasks must take its next step by this moment: start
    /// the first one, or finish the one that runs.
    workers: BTreeMap<Pid, Option<Instant>>,
}

impl<H: Home> Pool<H> {
    /// A pool whose tasks survive in `home`, which goes on with those that are `recovered`.
    pub(crate) fn new(config: Config, home: H, size: Size, recovered: Recovered) -> Self {
        let next = recovered.next;
        let (tasks, ended, workers) = Default::default();
        let mut pool = Pool { config, home, size, tasks, next, ended, workers };
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

    /// Writes the task as it is now. If that fails, the task may run again after the next
    /// start of the program. That is no reason to stop now.
    fn keep(&mut self, id: Id) {
        let Some(task) = self.tasks.get(&id) else { return };
        if let Err(error) = self.home.keep(task) {
            warn(format_args!("task {id} can't be written: {error}"));
        }
    }

    /// How many tasks the worker `pid` has, started or not.
    fn load(&self, pid: Pid) -> usize {
        self.tasks.values().filter(|task| task.state.worker() == Some(pid)).count()
    }

    /// From now on the worker `pid` has `task_timeout` for its next step. A worker that was given up gets no
    /// more time.
    fn expect_step(&mut self, pid: Pid) {
        if let Some(step) = self.workers.get_mut(&pid) {
            *step = Some(Instant::now() + self.config.task_timeout);
        }
    }

    fn end(&mut self, id: Id, state: State) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        task.state = state;
        self.keep(id);
        self.ended.push_back(id);
        while self.ended.len() > self.config.results_limit {
            if let Some(oldest) = self.ended.pop_front() {
                self.tasks.remove(&oldest);
                self.home.forget(oldest);
            }
        }
    }
}

/// What a queue in another process needs.
impl<H> Pool<H> {
    /// A task that is this primary's from now on.
    pub(crate) fn take_in(&mut self, task: Task)
    where
        H: Home,
    {
        let (id, attempts) = (task.id, task.attempts);
        self.tasks.insert(id, task);
        if attempts >= self.config.max_attempts {
            self.end(id, State::Failed(Reason::Attempts));
        }
    }

    /// The task isn't this primary's any more. Returns the worker that has it: the worker must be killed.
    pub(crate) fn give_up(&mut self, id: Id) -> Option<Pid> {
        let pid = self.tasks.remove(&id)?.state.worker()?;
        self.workers.remove(&pid);
        Some(pid)
    }

    /// How many more tasks the workers may have.
    pub(crate) fn room(&self) -> usize {
        (self.workers.len() * self.config.credit).saturating_sub(self.unfinished())
    }

    fn unfinished(&self) -> usize {
        self.tasks.values().filter(|task| !task.state.has_ended()).count()
    }
}

/// Where a task stands in the queue. A higher priority stands further ahead, and an older task, too: so
/// none waits forever.
fn place_of(task: &Task) -> u64 {
    task.id.0 + 10 * u64::from(9 - task.work.priority)
}

impl<H: Home> TaskPool for Pool<H> {
    fn tasks(&self) -> &BTreeMap<Id, Task> {
        &self.tasks
    }

    fn next_id(&self) -> Id {
        self.next
    }

    fn ready(&mut self, pid: Pid) {
        self.workers.insert(pid, None);
    }

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
        self.home.keep(&task)?;
        let id = task.id;
        self.next = id.next();
        self.tasks.insert(id, task);
        Ok(id)
    }

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
        self.workers.values().flatten().copied().chain(self.size.deadline()).min()
    }

    fn size(&mut self, most: usize) -> usize {
        let unfinished = self.unfinished();
        self.size.wanted(unfinished, most, Instant::now())
    }

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
