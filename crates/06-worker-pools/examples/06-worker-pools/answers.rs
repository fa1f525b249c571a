//! What clients are answered from Redis.

use std::{collections::HashMap, sync::Arc};

use hyper::StatusCode;
use serde_json::json;
use worker_pools::{Id, Question, Reason, Reply, State, Task, Value, Wish, Work};

use crate::{
    in_redis::{Found, InRedis},
    redis_failures::Failure,
};

/// Answers `question`. `workers` are those of this machine.
pub(crate) async fn answer(queue: Arc<InRedis>, question: Question, workers: Value) {
    let reply = match question.wish.clone() {
        Wish::Submit(work) => submit(&queue, &work).await,
        Wish::Task(id) => task(&queue, id).await,
        Wish::Stats => stats(&queue, workers).await,
        Wish::Cancel(_) => {
            let sentence = "no such method here: the task may be another machine's";
            Ok(Reply::sentence(StatusCode::METHOD_NOT_ALLOWED, sentence))
        }
    };
    question.answer(reply.unwrap_or_else(|failure| no_answer(&failure)));
}

/// 503 says that nothing was done, 504 that it was perhaps done: the client's next try needs an
/// `Idempotency-Key`.
fn no_answer(failure: &Failure) -> Reply {
    let status = match failure {
        Failure::NotDone(_) => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Unknown => StatusCode::GATEWAY_TIMEOUT,
    };
    Reply::sentence(status, failure.to_string())
}

async fn submit(queue: &InRedis, work: &Work) -> Result<Reply, Failure> {
    let text = json!(work).to_string();
    Ok(match queue.submit(&text, work.key.as_deref()).await? {
        Some(id) => Reply::new(StatusCode::ACCEPTED, json!({ "id": id })),
        None => Reply::sentence(StatusCode::TOO_MANY_REQUESTS, "too many tasks wait already"),
    })
}

async fn task(queue: &InRedis, id: Id) -> Result<Reply, Failure> {
    Ok(match queue.find(id).await? {
        Found::Task(fields) => known(read(id, &fields)),
        Found::Forgotten => {
            Reply::sentence(StatusCode::GONE, "this task has ended, and is forgotten")
        }
        Found::Unknown => Reply::sentence(StatusCode::NOT_FOUND, "no such task"),
    })
}

fn known(task: Option<Task>) -> Reply {
    let Some(task) = task else {
        let sentence = "another release wrote this task";
        return Reply::sentence(StatusCode::INTERNAL_SERVER_ERROR, sentence);
    };
    Reply::new(StatusCode::OK, task.json())
}

/// A task, from its fields in Redis.
fn read(id: Id, fields: &HashMap<String, String>) -> Option<Task> {
    let field = |name| fields.get(name).map(String::as_str);
    let work: Work = serde_json::from_str(field("work")?).ok()?;
    let state = match (field("status")?, field("error")) {
        ("queued", _) => State::Queued,
        // The process is another machine's, and its number means nothing here.
        ("processing", _) => State::Processing(worker_pools::Pid(0)),
        ("completed", _) => State::Completed(serde_json::from_str(field("result")?).ok()?),
        ("failed", Some("attempts")) => State::Failed(Reason::Attempts),
        ("failed", Some("deadline")) => State::Failed(Reason::Deadline),
        _ => return None,
    };
    Some(Task { attempts: field("attempts")?.parse().ok()?, state, ..Task::new(id, work) })
}

async fn stats(queue: &InRedis, workers: Value) -> Result<Reply, Failure> {
    let counts = queue.counts().await?;
    let json = json!({
        "submitted": counts.submitted, "queued": counts.waiting, "processing": counts.taken,
        "completed": counts.completed, "failed": counts.failed, "cancelled": 0,
        "forgotten": counts.forgotten, "workers": workers,
    });
    Ok(Reply::new(StatusCode::OK, json))
}
