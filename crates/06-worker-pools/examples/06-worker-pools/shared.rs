//! A pool whose queue is shared: its primary has only the tasks that it took.
//!
//! The same [`Pool`] decides what runs where. What differs is where tasks come from, who may end them,
//! and that clients are answered from Redis: they may ask any machine.

use std::{
    collections::BTreeMap,
    io, process,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use cluster_basics::StartError;
use redis::RedisError;
use worker_pools::{
    Config, Id, Pid, Question, Reason, Recovered, Refusal, State, Task, TaskPool, Value, Work,
};

use crate::{
    answers::answer,
    home::Home,
    in_redis::{End, InRedis, Limits},
    pool::Pool,
    redis_machine::{Machine, News},
    size::Size,
};

/// A call to Redis takes no longer than this.
const CALL: Duration = Duration::from_secs(2);
/// How long a primary that ends tries to give its tasks back.
const LEAVE: Duration = Duration::from_secs(5);

/// What a machine has of the queue.
pub(crate) struct Hold(Option<Machine>);

/// A pool with its share of the queue.
pub(crate) struct Shared {
    pool: Pool<Hold>,
    queue: Arc<InRedis>,
    /// The workers whose task is another machine's by now.
    unwanted: Vec<Pid>,
}

impl Shared {
    /// Joins the machines that share the queue `prefix` in the Redis at `address`.
    pub(crate) fn join(
        config: Config,
        size: Size,
        address: &str,
        prefix: &str,
        lease: Duration,
    ) -> Result<Self, StartError> {
        let limits =
            Limits { waiting: config.queue_limit, ended: config.results_limit, lease, call: CALL };
        let queue = InRedis::open(address, prefix, &own_name(), limits);
        let queue = Arc::new(queue.map_err(|error: RedisError| io::Error::other(error))?);
        let hold = Hold(Some(Machine::join(&queue, lease)));
        // What has ended is remembered by Redis.
        let config = Config { results_limit: 0, ..config };
        let pool = Pool::new(config, hold, size, Recovered::default());
        Ok(Shared { pool, queue, unwanted: Vec::new() })
    }
}

/// This machine and this start of it: a restarted machine does not have the tasks of the former one.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let started = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
    format!("{}-{}-{started}", host.trim(), process::id())
}

/// As Redis keeps it.
fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Attempts => "attempts",
        Reason::Deadline => "deadline",
    }
}

/// A change of a task is on its way to Redis when this returns.
impl Home for Hold {
    fn keep(&mut self, task: &Task) -> io::Result<()> {
        let Some(machine) = &self.0 else { return Ok(()) };
        match &task.state {
            State::Processing(_) => machine.started(task.id, task.attempts),
            State::Completed(result) => machine.ended(task.id, End::Completed(result.to_string())),
            State::Failed(reason) => machine.ended(task.id, End::Failed(name(*reason))),
            State::Queued | State::Held(_) | State::Cancelled => {}
        }
        Ok(())
    }

    fn forget(&mut self, _id: Id) {}
}

impl TaskPool for Shared {
    fn tasks(&self) -> &BTreeMap<Id, Task> {
        self.pool.tasks()
    }

    fn next_id(&self) -> Id {
        self.pool.next_id()
    }

    fn ready(&mut self, pid: Pid) {
        self.pool.ready(pid);
    }

    /// Clients submit to Redis: see `answer`.
    fn submit(&mut self, _work: Work) -> Result<Id, Refusal> {
        Err(Refusal::Spool(io::Error::other("the queue is in Redis")))
    }

    fn dispatch(&mut self) -> Option<(Pid, Id)> {
        self.pool.dispatch()
    }

    fn started(&mut self, pid: Pid, id: Id) {
        self.pool.started(pid, id);
    }

    fn finished(&mut self, pid: Pid, id: Id, result: Value) {
        self.pool.finished(pid, id, result);
    }

    fn lost(&mut self, pid: Pid) {
        self.pool.lost(pid);
    }

    fn deadline(&self) -> Option<Instant> {
        if self.unwanted.is_empty() { self.pool.deadline() } else { Some(Instant::now()) }
    }

    fn expire(&mut self, now: Instant) -> Vec<Pid> {
        let mut late = self.pool.expire(now);
        late.append(&mut self.unwanted);
        late
    }

    fn size(&mut self, most: usize) -> usize {
        self.pool.size(most)
    }

    fn answer(&mut self, question: Question, workers: &Value) -> Option<Question> {
        tokio::spawn(answer(self.queue.clone(), question, workers.clone()));
        None
    }

    /// Tasks come, or go to another machine.
    async fn outside(&mut self) {
        let room = self.pool.room();
        let Some(machine) = &mut self.pool.home.0 else { return std::future::pending().await };
        machine.ask_for(room);
        match machine.next().await {
            News::Taken(tasks) => {
                for taken in tasks {
                    if let Ok(work) = serde_json::from_str(&taken.work) {
                        let attempts = taken.attempts;
                        self.pool.take_in(Task { attempts, ..Task::new(taken.id, work) });
                    }
                }
            }
            News::Lost(id) => self.unwanted.extend(self.pool.give_up(id)),
        }
    }

    async fn close(&mut self) {
        if let Some(machine) = self.pool.home.0.take() {
            machine.leave(LEAVE).await;
        }
    }
}
