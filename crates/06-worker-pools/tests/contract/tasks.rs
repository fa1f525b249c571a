//! The tasks of a pool: brought, looked at, waited for.

use std::fs;

use harness::{Kept, patience};
use serde_json::{Value, json};

use crate::{
    journal::{Line, lines},
    scene::{PROMPT, Pool, Reply},
};

impl Pool<'_> {
    /// Brings a task; it must be accepted. Returns its id.
    pub(crate) fn submit(&self, kind: &str, n: u64) -> Kept<u64> {
        let body = json!({ "type": kind, "n": n }).to_string();
        self.ask("POST", "/task", &body)?.is(self.trial, 202)?.id(self.trial)
    }

    /// The same, not recorded.
    pub(crate) fn submit_quietly(&self, kind: &str, n: u64) -> Kept<u64> {
        let body = json!({ "type": kind, "n": n }).to_string();
        self.ask_quietly("POST", "/task", &body)?.is(self.trial, 202)?.id(self.trial)
    }

    /// Brings several tasks of a type, one after the other.
    pub(crate) fn submit_all(
        &self,
        kind: &str,
        numbers: impl IntoIterator<Item = u64>,
    ) -> Kept<Vec<u64>> {
        numbers.into_iter().map(|n| self.submit(kind, n)).collect()
    }

    /// Brings a task that must be refused, because the queue is full.
    pub(crate) fn is_full(&self) -> Kept {
        let reply = self.ask("POST", "/task", r#"{"type":"prime","n":7}"#)?.is(self.trial, 429)?;
        let observed = format!("{reply}, without Retry-After");
        self.trial.expect(reply.retry_after.is_some(), "429 with Retry-After", observed)
    }

    /// A task as `GET /task/:id` shows it, 200.
    pub(crate) fn task(&self, id: u64) -> Kept<Reply> {
        self.ask_quietly("GET", &format!("/task/{id}"), "")?.is(self.trial, 200)
    }

    /// Looks at a task: it must have this status and these attempts now.
    pub(crate) fn is(&self, id: u64, status: &str, attempts: u64) -> Kept<Reply> {
        let reply = self.task(id)?;
        let is_so = reply.json["status"] == status && reply.json["attempts"] == attempts;
        let expected = format!("task {id} is {status}, with {attempts} attempts");
        self.trial.expect(is_so, expected, reply.to_string())?;
        Ok(reply)
    }

    /// Waits until a task has this status.
    pub(crate) fn becomes(&self, id: u64, status: &str) -> Kept<Reply> {
        let reply = self.becomes_quietly(id, status)?;
        self.trial.recorder.observe(reply.to_string());
        Ok(reply)
    }

    /// The same, not recorded.
    pub(crate) fn becomes_quietly(&self, id: u64, status: &str) -> Kept<Reply> {
        let mut last = None;
        processes::until(patience(PROMPT), || match self.task(id) {
            Ok(reply) if reply.json["status"] == status => {
                last = Some(Ok(reply));
                Some(())
            }
            Ok(reply) => {
                // What has ended never changes.
                let has_ended = !["queued", "processing"].contains(&reply.status_name());
                last = Some(Ok(reply));
                has_ended.then_some(())
            }
            Err(broken) => {
                last = Some(Err(broken));
                Some(())
            }
        });
        let expected = format!("task {id} becomes {status}");
        let reply =
            last.unwrap_or_else(|| Err(self.trial.broken(expected.clone(), "no answer")))?;
        self.trial.expect(reply.json["status"] == status, expected, reply.to_string())?;
        Ok(reply)
    }

    /// Waits until a task is completed, and checks its result and how often it was started.
    pub(crate) fn completes(
        &self,
        id: u64,
        result: impl Into<Value>,
        attempts: u64,
    ) -> Kept<Reply> {
        let reply = self.becomes(id, "completed")?;
        let wanted = result.into();
        let is_so = reply.json["result"] == wanted && reply.json["attempts"] == attempts;
        let expected = format!("task {id}: result {wanted}, after {attempts} attempts");
        self.trial.expect(is_so, expected, reply.to_string())?;
        let is_true =
            lines(self.trial)?.iter().any(|line| line.task == id && line.did == "finished");
        self.trial.expect(
            is_true,
            "a worker that finished it",
            "no worker wrote so into JOURNAL",
        )?;
        Ok(reply)
    }

    /// Waits until a task has failed for this reason.
    pub(crate) fn fails(&self, id: u64, error: &str, attempts: u64) -> Kept<Reply> {
        let reply = self.becomes(id, "failed")?;
        let is_so = reply.json["error"] == error
            && reply.json["attempts"] == attempts
            && reply.json["result"].is_null();
        let expected = format!("task {id}: failed with {error:?}, after {attempts} attempts");
        self.trial.expect(is_so, expected, reply.to_string())?;
        Ok(reply)
    }

    /// Waits until a worker has started the task for the `attempt`-th time, and the primary has heard so.
    pub(crate) fn starts(&self, id: u64, attempt: u64) -> Kept<Line> {
        let mut broken = None;
        let line = processes::until(patience(PROMPT), || match self.start_of(id, attempt) {
            Ok(line) => line,
            Err(wrong) => {
                broken = Some(wrong);
                None
            }
        });
        broken.map_or(Ok(()), Err)?;
        let expected = format!("task {id} is started, attempt {attempt}");
        let Some(line) = line else {
            let last = self.task(id)?;
            return Err(self.trial.broken(expected, format!("no such line in JOURNAL; {last}")));
        };
        self.trial.recorder.observe(format!("task {id} runs on pid {}", line.pid));
        let mut last = None;
        processes::until(patience(PROMPT), || {
            let reply = self.task(id).ok()?;
            let is_so = reply.json["status"] == "processing" && reply.json["attempts"] == attempt;
            last = Some(reply);
            is_so.then_some(())
        });
        let is_so = last.as_ref().is_some_and(|reply| {
            reply.json["status"] == "processing" && reply.json["attempts"] == attempt
        });
        let observed = last.map_or_else(|| "no answer".to_owned(), |reply| reply.to_string());
        let expected = format!("task {id} is processing, attempt {attempt}");
        self.trial.expect(is_so, expected, observed)?;
        Ok(line)
    }

    fn start_of(&self, id: u64, attempt: u64) -> Kept<Option<Line>> {
        let is_it =
            |line: &Line| line.task == id && line.attempt == attempt && line.did == "started";
        Ok(lines(self.trial)?.into_iter().find(is_it))
    }

    /// Brings tasks that hold, one for each number, and waits until each of them runs.
    pub(crate) fn hold(&self, numbers: impl IntoIterator<Item = u64>) -> Kept<Vec<Held>> {
        let ids = self.submit_all("hold", numbers)?;
        ids.into_iter().map(|id| Ok(Held { id, pid: self.starts(id, 1)?.pid })).collect()
    }

    /// The tasks of type `hold` with these numbers may end.
    pub(crate) fn release(&self, numbers: impl IntoIterator<Item = u64>) -> Kept {
        let folder = self.trial.path("holds");
        let numbers: Vec<u64> = numbers.into_iter().collect();
        let released = fs::create_dir_all(&folder).and_then(|()| {
            numbers.iter().try_for_each(|n| fs::write(folder.join(n.to_string()), ""))
        });
        released.map_err(|error| self.trial.broken("a file of the check", error.to_string()))?;
        let all: Vec<String> = numbers.iter().map(u64::to_string).collect();
        self.trial.recorder.observe(format!("released: hold {}", shortened(&all)));
        Ok(())
    }
}

/// A task that waits for its file, and the worker that runs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) id: u64,
    pub(crate) pid: u32,
}

fn shortened(all: &[String]) -> String {
    match all {
        [first, .., last] if all.len() > 6 => format!("{first} to {last}"),
        all => all.join(", "),
    }
}
