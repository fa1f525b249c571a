//! What the primary answers its clients.

use hyper::StatusCode;
use serde_json::{Value, json};
use supervisor::State as Life;

use super::Primary;
use crate::{
    Id, Work,
    pool::{Cancel, Refusal, TaskPool},
    routes::{Question, Reply, Wish},
    talk::Workers,
};

impl<P: TaskPool> Primary<P> {
    pub(super) fn answer(&mut self, workers: &mut Workers, question: Question) {
        let is_refused = self.tally.is_some() && matches!(question.wish, Wish::Submit(_));
        if is_refused {
            question.answer(Self::ending());
            return;
        }
        let listed = match question.wish {
            Wish::Stats => self.workers(workers),
            Wish::Submit(_) | Wish::Task(_) | Wish::Cancel(_) => Value::Null,
        };
        let Some(question) = self.pool.answer(question, &listed) else { return };
        let reply = match question.wish.clone() {
            Wish::Submit(work) => self.submit(work),
            Wish::Task(id) => self.task(id),
            Wish::Cancel(id) => self.cancel(workers, id),
            Wish::Stats => Reply::new(StatusCode::OK, self.stats(&listed)),
        };
        question.answer(reply);
    }

    fn ending() -> Reply {
        let sentence = "the pool is ending, and takes no tasks";
        Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
    }

    fn submit(&mut self, work: Work) -> Reply {
        match self.pool.submit(work) {
            Ok(id) => Reply::new(StatusCode::ACCEPTED, json!({ "id": id })),
            Err(Refusal::Full) => {
                let sentence = format!("{} tasks wait already", self.config.queue_limit);
                Reply::sentence(StatusCode::TOO_MANY_REQUESTS, sentence)
            }
            Err(Refusal::Conflict) => {
                let sentence = "another task has this Idempotency-Key";
                Reply::sentence(StatusCode::UNPROCESSABLE_ENTITY, sentence)
            }
            Err(Refusal::Spool(error)) => {
                let sentence = format!("the spool can't be written: {error}");
                Reply::sentence(StatusCode::SERVICE_UNAVAILABLE, sentence)
            }
        }
    }

    fn task(&self, id: Id) -> Reply {
        match self.pool.tasks().get(&id) {
            Some(task) => Reply::new(StatusCode::OK, task.json()),
            None if Id::default() <= id && id < self.pool.next_id() => {
                Reply::sentence(StatusCode::GONE, "this task has ended, and is forgotten")
            }
            None => Reply::sentence(StatusCode::NOT_FOUND, "no such task"),
        }
    }

    fn cancel(&mut self, workers: &mut Workers, id: Id) -> Reply {
        if !self.pool.tasks().contains_key(&id) {
            return self.task(id);
        }
        match self.pool.cancel(id) {
            Some(Cancel::Done) => {}
            Some(Cancel::Forget(pid)) => {
                self.orders.call_off(pid, id);
                self.send_orders(workers);
            }
            Some(Cancel::Kill(pid)) => self.recycle(workers, pid, "its task was called off"),
            Some(Cancel::TooLate) => {
                return Reply::sentence(StatusCode::CONFLICT, "this task has ended");
            }
            None => {
                let sentence = "this pool calls no task off";
                return Reply::sentence(StatusCode::METHOD_NOT_ALLOWED, sentence);
            }
        }
        self.task(id)
    }

    /// Counted from the tasks themselves: a counter beside them would drift.
    fn stats(&self, workers: &Value) -> Value {
        let tasks = self.pool.tasks();
        let submitted = self.pool.next_id().0 - Id::default().0;
        let count = |name| tasks.values().filter(|task| task.state.name() == name).count();
        json!({
            "submitted": submitted,
            "queued": count("queued"),
            "processing": count("processing"),
            "completed": count("completed"),
            "failed": count("failed"),
            "cancelled": count("cancelled"),
            "forgotten": submitted - tasks.len() as u64,
            "workers": workers,
        })
    }

    fn workers(&self, workers: &Workers) -> Value {
        let worker = |worker: &supervisor::Worker| json!({ "worker": worker.slot, "pid": worker.pid, "task": self.running(worker.pid) });
        let is_there = |worker: &&supervisor::Worker| {
            matches!(worker.state, Life::Ready { .. } | Life::Draining { .. })
        };
        workers.all().iter().filter(is_there).map(worker).collect()
    }
}
