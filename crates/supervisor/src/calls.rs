//! What chapters 05 and later are given of chapter 04: a call from a worker to its primary, with a
//! deadline, and news to all workers that says which of them have it.
//!
//! A chapter's `Order` is [`Down`], its `Report` is [`Up`]. Calls between workers, messages, limits and
//! priorities are not here: chapter 04 teaches them.

mod news;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, time::timeout};

pub use self::news::{Newsroom, Told};
use crate::worker::WorkerChannel;

/// From a worker to its primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Up<Question> {
    /// A call.
    Ask {
        /// The worker's name for it. No number is given out twice.
        id: u64,
        /// What it asks.
        question: Question,
    },
    /// The worker has acted on the news with this number.
    Heard {
        /// The number of the news.
        id: u64,
    },
}

/// From the primary to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Down<Answer, News> {
    /// The answer to the worker's call `id`.
    Answer {
        /// The worker's name for the call.
        id: u64,
        /// What the primary says.
        answer: Answer,
    },
    /// Something that all workers are told.
    News {
        /// Its number. All news of a primary are numbered 1, 2, 3, and so on.
        id: u64,
        /// What is new.
        news: News,
    },
}

/// No answer came by the deadline. The primary may have acted on the question all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the primary did not answer in time")]
pub struct NoAnswer;

/// A worker's calls to its primary.
pub struct Calls<Question, Answer> {
    channel: WorkerChannel<Up<Question>>,
    next: AtomicU64,
    open: Arc<Open<Answer>>,
}

type Open<Answer> = Mutex<HashMap<u64, oneshot::Sender<Answer>>>;

/// Takes a call off the table, however it ends.
struct OpenCall<Answer> {
    id: u64,
    open: Arc<Open<Answer>>,
}

impl<Question: Serialize + Send + Sync + 'static, Answer> Calls<Question, Answer> {
    /// No call is open.
    #[must_use]
    pub fn new(channel: WorkerChannel<Up<Question>>) -> Self {
        Calls { channel, next: AtomicU64::new(1), open: Arc::default() }
    }

    /// Asks the primary, and waits for its answer, `within` this time or not at all.
    ///
    /// # Errors
    /// When no answer came in time.
    pub async fn call(&self, question: Question, within: Duration) -> Result<Answer, NoAnswer> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        locked(&self.open).insert(id, sender);
        let _call = OpenCall { id, open: self.open.clone() };
        let asked = async {
            self.channel.report(Up::Ask { id, question }).await;
            answer.await
        };
        timeout(within, asked).await.map_err(|_| NoAnswer)?.map_err(|_| NoAnswer)
    }

    /// The primary has answered the call `id`. An answer that comes too late changes nothing.
    pub fn answered(&self, id: u64, answer: Answer) {
        if let Some(call) = locked(&self.open).remove(&id) {
            // The caller may be gone in this moment.
            let _ = call.send(answer);
        }
    }

    /// Tells the primary that this worker has acted on the news `id`. Returns at once.
    pub fn acknowledge(&self, id: u64) {
        let channel = self.channel.clone();
        tokio::spawn(async move { channel.report(Up::Heard { id }).await });
    }
}

impl<Answer> Drop for OpenCall<Answer> {
    fn drop(&mut self) {
        locked(&self.open).remove(&self.id);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
