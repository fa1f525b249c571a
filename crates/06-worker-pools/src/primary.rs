//! The primary: it answers clients, hands tasks to workers, replaces workers that die, and ends.
//!
//! Every decision about a task is the pool's.

mod answers;
mod orders;
mod shutdown;

use std::{
    collections::BTreeSet,
    process::ExitCode,
    time::{Duration, Instant},
};

use events::Pid;
use supervisor::{Intents, RestartHistory, Server, State as Life, Tally, at};
use tokio::{sync::mpsc, time::timeout_at};

use self::orders::Orders;
use crate::{
    Config, Id,
    pool::TaskPool,
    routes::Question,
    talk::{Notice, Order, Report, Workers},
    task::State,
};

/// A primary that looks at its clock later than this was held up itself.
const LATE: Duration = Duration::from_millis(50);
/// Then its workers have said things that it has not heard. This is how long it hears them first.
const HEARING: Duration = Duration::from_millis(200);

/// A primary, but for its workers.
pub(crate) struct Primary<P> {
    config: Config,
    pool: P,
    questions: mpsc::Receiver<Question>,
    orders: Orders,
    history: RestartHistory,
    /// The workers that were killed over a task. They are replaced without a delay.
    recycled: BTreeSet<Pid>,
    /// What becomes of the work, once the end has begun.
    tally: Option<Tally>,
}

impl<P: TaskPool> Primary<P> {
    pub(crate) fn new(config: Config, pool: P, questions: mpsc::Receiver<Question>) -> Self {
        let history = RestartHistory::with_settings(&config.shared);
        let (orders, recycled, tally) = (Orders::default(), BTreeSet::new(), None);
        Primary { config, pool, questions, orders, history, recycled, tally }
    }

    /// Keeps a worker in each slot, and tasks in each worker, until a signal asks for the end.
    pub(crate) async fn run(
        mut self,
        server: Server,
        mut workers: Workers,
        mut intents: Intents,
    ) -> ExitCode {
        workers.announce();
        loop {
            self.resize(&mut workers);
            self.hand_out(&workers);
            let deadline = self.deadline(&workers);
            tokio::select! {
                notice = workers.next() => self.hear(&notice),
                Some(question) = self.questions.recv() => self.answer(&mut workers, question),
                () = self.pool.outside() => {}
                () = at(deadline) => self.tick(&mut workers, deadline).await,
                _ = intents.next() => break,
            }
        }
        self.shut_down(server, workers, intents).await
    }

    /// Starts workers that are missing, and drains idle ones that are too many.
    fn resize(&mut self, workers: &mut Workers) {
        let slots: Vec<_> = workers.slots().collect();
        let (wanted, too_many) = slots.split_at(self.pool.size(slots.len()).min(slots.len()));
        for worker in workers.all().to_vec() {
            let is_ready = worker.state.ready_since().is_some();
            if is_ready && too_many.contains(&worker.slot) && !self.has_tasks(worker.pid) {
                self.pool.lost(worker.pid);
                workers.drain(worker.pid);
            }
        }
        for slot in wanted.iter().copied() {
            let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
            if is_empty && self.history.may_start(slot, Instant::now()) {
                workers.start(slot);
            }
        }
    }

    /// Hands tasks to workers for as long as a task waits and a worker may have one.
    fn hand_out(&mut self, workers: &Workers) {
        while self.pool.tasks().values().any(|task| task.state == State::Queued) {
            let Some((pid, order)) = self.next_order() else { break };
            self.orders.add(pid, order);
        }
        self.send_orders(workers);
    }

    fn send_orders(&mut self, workers: &Workers) {
        for (pid, order) in self.orders.take() {
            workers.tell_one(pid, order);
        }
    }

    fn next_order(&mut self) -> Option<(Pid, Order)> {
        let (pid, id) = self.pool.dispatch()?;
        debug_assert!(
            !self.recycled.contains(&pid),
            "`dispatch` hands task {id} to the worker with pid {pid}, which was killed over its task: it \
             must not be in `workers` any more"
        );
        let task = self.pool.tasks().get(&id)?;
        // A pool that hands out a task and does not note it would hand it out forever.
        let is_noted = task.state == State::Held(pid);
        let order = Order::Run { id, attempt: task.attempts + 1, work: task.work.clone() };
        is_noted.then_some((pid, order))
    }

    fn hear(&mut self, notice: &Notice) {
        self.tally(notice);
        match notice {
            Notice::Ready(worker) => self.pool.ready(worker.pid),
            Notice::Report(worker, Report::Started(id)) => self.pool.started(worker.pid, *id),
            Notice::Report(worker, Report::Finished(id, result)) => {
                self.pool.finished(worker.pid, *id, result.clone());
            }
            Notice::Report(worker, Report::Forgotten) => self.orders.confirmed(worker.pid),
            Notice::Exited(worker, _) => {
                let is_its_tasks_fault =
                    self.runs_a_task(worker.pid) || self.recycled.remove(&worker.pid);
                // The limit of restarts is the task's then, and not the slot's.
                if !is_its_tasks_fault && !matches!(worker.state, Life::Draining { .. }) {
                    self.history.count(worker);
                }
                self.pool.lost(worker.pid);
                self.orders.lost(worker.pid);
            }
            Notice::Draining(_) | Notice::Drained { .. } => {}
        }
    }

    fn runs_a_task(&self, pid: Pid) -> bool {
        self.running(pid).is_some()
    }

    fn has_tasks(&self, pid: Pid) -> bool {
        self.pool.tasks().values().any(|task| task.state.worker() == Some(pid))
    }

    fn running(&self, pid: Pid) -> Option<Id> {
        let tasks = self.pool.tasks().values();
        tasks.into_iter().find(|task| task.state == State::Processing(pid)).map(|task| task.id)
    }

    fn deadline(&self, workers: &Workers) -> Option<Instant> {
        let now = Instant::now();
        let all = [self.pool.deadline(), workers.deadline(now), self.history.deadline(now)];
        all.into_iter().flatten().min()
    }

    /// Time has passed.
    async fn tick(&mut self, workers: &mut Workers, due: Option<Instant>) {
        if due.is_some_and(|due| due.elapsed() > LATE) {
            self.hear_first(workers).await;
        }
        let now = Instant::now();
        workers.kill_overdue(now);
        if self.pool.deadline().is_none_or(|due| due > now) {
            return;
        }
        for pid in self.pool.expire(now) {
            self.recycle(workers, pid, "its task takes too long");
        }
    }

    /// Kills a worker over its task.
    fn recycle(&mut self, workers: &mut Workers, pid: Pid, reason: &'static str) {
        self.recycled.insert(pid);
        workers.kill(pid, reason);
    }

    /// This process was held up itself, and a task that seems late may have ended in time.
    async fn hear_first(&mut self, workers: &mut Workers) {
        let until = Instant::now() + HEARING;
        while let Ok(notice) = timeout_at(until.into(), workers.next()).await {
            self.hear(&notice);
        }
    }
}
