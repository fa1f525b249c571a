//! Counted answers, on their way to the primary: in order, in batches.

use std::time::Duration;

use supervisor::calls::Calls;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::{Instant, timeout_at},
};

use crate::Answer;

/// A batch has at most this many answers.
const BATCH: usize = 64;
/// A batch waits for further answers at most this long.
const PAUSE: Duration = Duration::from_millis(20);
/// How many answers may wait for a primary that is stopped. Further ones are not counted.
const QUEUE: usize = 4096;
/// How long a batch may wait for the primary.
const LIMIT: Duration = Duration::from_mins(1);

/// Where a worker puts what it has counted.
#[derive(Clone)]
pub(crate) struct Reporter(Sender<Answer>);

pub(crate) fn reporter() -> (Reporter, Receiver<Answer>) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    (Reporter(sender), receiver)
}

impl Reporter {
    pub(crate) fn report(&self, answer: Answer) {
        let _ = self.0.try_send(answer);
    }
}

/// Sends batch after batch. The next one waits until the primary has counted the one before.
pub(crate) async fn deliver(mut answers: Receiver<Answer>, calls: &Calls<Vec<Answer>, ()>) {
    while let Some(first) = answers.recv().await {
        let mut batch = vec![first];
        let until = Instant::now() + PAUSE;
        while batch.len() < BATCH
            && let Ok(Some(answer)) = timeout_at(until, answers.recv()).await
        {
            batch.push(answer);
        }
        let _ = calls.call(batch, LIMIT).await;
    }
}
