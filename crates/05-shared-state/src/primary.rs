//! The primary: it fills slots, rolls, answers its workers, and tells them news.

use std::{io, process::ExitCode, time::Instant};

use serde_json::Value;
use supervisor::{
    Intents, RestartHistory, State, Worker, at,
    calls::{Down, Newsroom, Up},
    shut_down_with,
};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{
    Config,
    roll::Roll,
    talk::{Ask, Notice, Said, Workers},
};

/// What a chapter's primary has of its own, from before the first worker to the end.
pub trait Keeper: 'static {
    /// A worker asks. This must not wait: all workers wait for it.
    fn asked(&mut self, from: &Worker, question: Value) -> Value {
        let _ = (from, question);
        Value::Null
    }

    /// A worker has ended.
    fn gone(&mut self, worker: &Worker) {
        let _ = worker;
    }
}

/// A primary, but for its workers.
pub(crate) struct Primary<K> {
    config: Config,
    keeper: K,
    newsroom: Newsroom,
    roll: Roll,
}

/// SIGUSR2 asks for a roll.
pub(crate) fn roll_signal() -> io::Result<Signal> {
    signal(SignalKind::user_defined2())
}

impl<K: Keeper> Primary<K> {
    pub(crate) fn new(config: Config, keeper: K) -> Self {
        Primary { config, keeper, newsroom: Newsroom::default(), roll: Roll::default() }
    }

    /// Keeps a worker in each slot until a signal asks for the end.
    pub(crate) async fn run(
        mut self,
        mut workers: Workers,
        mut intents: Intents,
        mut rolls: Signal,
    ) -> ExitCode {
        let mut history = RestartHistory::with_settings(&self.config.shared);
        workers.announce();
        loop {
            start_missing(&mut workers, &history);
            self.roll.go_on(&mut workers);
            let notice = tokio::select! {
                notice = next_notice(&mut workers, &mut history) => notice,
                _ = rolls.recv() => {
                    self.roll.begin(&workers);
                    None
                }
                _ = intents.next() => break,
            };
            if let Some(notice) = notice {
                self.roll.hear(&mut workers, &notice);
                self.hear(&workers, notice);
            }
        }
        // A worker that drains still has clients, and they need the primary.
        shut_down_with(workers, intents, |workers, notice| self.hear(workers, notice)).await
    }

    fn hear(&mut self, workers: &Workers, notice: Notice) {
        match notice {
            Notice::Report(worker, Up::Ask { id, question }) => {
                self.answer(workers, &worker, id, question);
            }
            Notice::Report(worker, Up::Heard { id }) => self.newsroom.heard(worker.pid, id),
            Notice::Exited(worker, _) => {
                self.newsroom.gone(worker.pid);
                self.keeper.gone(&worker);
            }
            Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
        }
    }

    fn answer(&mut self, workers: &Workers, from: &Worker, id: u64, question: Ask) {
        let answer = match question {
            Ask::Word => Said::Word { last: self.newsroom.last() },
            Ask::Keeper(question) => Said::Keeper(self.keeper.asked(from, question)),
            Ask::TellAll { key } => {
                let told = self.newsroom.tell_all(workers, key, self.config.ack_timeout);
                let told = async move {
                    Said::Told { acknowledged: told.await.acknowledged.into_iter().collect() }
                };
                return reply(workers, from, id, told);
            }
        };
        reply(workers, from, id, async move { answer });
    }
}

/// Sends the answer once it is there. It waits while the worker is slow to read, behind all that the worker
/// was told before: a word must not pass news.
fn reply(
    workers: &Workers,
    to: &Worker,
    id: u64,
    answer: impl Future<Output = Said> + Send + 'static,
) {
    // A worker that is gone needs no answer.
    let Some(back) = workers.link(to.pid) else { return };
    tokio::spawn(async move {
        let answer = answer.await;
        let _ = back.send(Down::Answer { id, answer }).await;
    });
}

/// Starts a worker in each slot that is empty and may have one by now.
fn start_missing(workers: &mut Workers, history: &RestartHistory) {
    for slot in workers.slots() {
        let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
        if is_empty && history.may_start(slot, Instant::now()) {
            workers.start(slot);
        }
    }
}

/// Waits for what becomes of the workers; `None` when time has passed.
async fn next_notice(workers: &mut Workers, history: &mut RestartHistory) -> Option<Notice> {
    let now = Instant::now();
    let deadlines = [workers.deadline(now), history.deadline(now)];
    tokio::select! {
        notice = workers.next() => {
            if let Notice::Exited(worker, _) = &notice
                // A worker that a roll told to drain has not died.
                && !matches!(worker.state, State::Draining { .. })
            {
                history.count(worker);
            }
            Some(notice)
        }
        () = at(deadlines.into_iter().flatten().min()) => {
            workers.kill_overdue(Instant::now());
            None
        }
    }
}
