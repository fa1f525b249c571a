//! What the exercise builds: which task runs when, where, and how often.

use std::{
    collections::BTreeMap,
    future::{pending, ready},
    io,
    time::Instant,
};

use events::Pid;
use serde_json::Value;

use crate::{Config, Id, Question, Recovered, Spool, Task, Work};

/// What a pool is made of.
pub struct Place {
    /// What the environment asks for.
    pub config: Config,
    /// Where tasks survive.
    pub spool: Spool,
    /// What was in it.
    pub recovered: Recovered,
}

/// Why a task is not accepted.
#[derive(Debug)]
pub enum Refusal {
    /// `QUEUE_LIMIT` tasks wait already: 429.
    Full,
    /// The spool can't be written: 503.
    Spool(io::Error),
    /// An extra: another task has this key already: 422.
    Conflict,
}

/// What becomes of a task that a client calls off (an extra).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// It waits in the primary, and never starts.
    Done,
    /// This worker holds it. The primary tells the worker to forget it.
    Forget(Pid),
    /// This worker runs it. The primary kills the worker.
    Kill(Pid),
    /// It has ended: 409.
    TooLate,
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Refusal::Spool(error)
    }
}

/// The tasks of a primary. Nothing here may wait: the primary calls one function after the other.
pub trait TaskPool: 'static {
    /// Every task that is remembered.
    fn tasks(&self) -> &BTreeMap<Id, Task>;

    /// The number of the next task.
    fn next_id(&self) -> Id;

    /// The worker `pid` is ready for tasks.
    fn ready(&mut self, pid: Pid);

    /// A client brings a task.
    ///
    /// # Errors
    /// When it is not accepted.
    fn submit(&mut self, work: Work) -> Result<Id, Refusal>;

    /// Which task goes to which worker next? It is `Held` there from now on, and the primary sends it.
    /// `None` when no task waits, or no worker may have one.
    fn dispatch(&mut self) -> Option<(Pid, Id)>;

    /// The worker `pid` starts the task.
    fn started(&mut self, pid: Pid, id: Id);

    /// The worker `pid` has finished the task.
    fn finished(&mut self, pid: Pid, id: Id, result: Value);

    /// An extra: a client calls off the task `id`, which is in `tasks`. `None`: this pool can't do that.
    fn cancel(&mut self, id: Id) -> Option<Cancel> {
        let _ = id;
        None
    }

    /// The worker `pid` is dead.
    fn lost(&mut self, pid: Pid);

    /// When `expire` has something to do.
    fn deadline(&self) -> Option<Instant>;

    /// Time has passed. Returns the workers that the primary must kill.
    fn expire(&mut self, now: Instant) -> Vec<Pid>;

    /// How many workers there should be (an extra), of the `most` that there may be.
    fn size(&mut self, most: usize) -> usize {
        most
    }

    /// Answers a question itself, if its tasks lie in another process. Otherwise it gives the question
    /// back. `workers` is what the answer to `GET /stats` says of them, and null for any other question.
    fn answer(&mut self, question: Question, workers: &Value) -> Option<Question> {
        let _ = workers;
        Some(question)
    }

    /// What happens to tasks in another process, until the program ends. Cancel safe.
    fn outside(&mut self) -> impl Future<Output = ()> {
        pending()
    }

    /// The last worker is gone: says so where its tasks lie.
    fn close(&mut self) -> impl Future<Output = ()> {
        ready(())
    }
}
