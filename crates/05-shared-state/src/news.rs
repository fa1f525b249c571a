//! A worker's side of news, and of the primary's word.
//!
//! A worker asks for the word each quarter of `ACK_TIMEOUT_MS`, and has it for `ACK_TIMEOUT_MS`, counted from
//! the moment at which it asked. Only while it has the word may it use its cache. A change waits as long for a worker
//! that does not acknowledge it. So by the time at which the change is answered, that worker no longer has
//! the word, even if it was frozen and knows nothing of all this.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use events::Slot;
use serde_json::Value;
use supervisor::{
    WorkerChannel,
    calls::{Calls, Up},
};
use tokio::time::sleep;

use crate::{
    Failure,
    talk::{Ask, Said},
};

/// What the primary may take beyond the time that it waits for the workers.
const SPARE: Duration = Duration::from_secs(5);

/// A worker's way to its primary. Its clones are the same.
#[derive(Clone)]
pub struct News(Arc<Inner>);

struct Inner {
    ack_timeout: Duration,
    calls: OnceLock<Calls<Ask, Said>>,
    /// When the worker asked for the last word that it has.
    word: Mutex<Option<Instant>>,
    /// The number of the last news that it heard.
    heard: AtomicU64,
}

impl News {
    pub(crate) fn new(ack_timeout: Duration) -> Self {
        let (calls, word, heard) = Default::default();
        News(Arc::new(Inner { ack_timeout, calls, word, heard }))
    }

    pub(crate) fn connect(&self, channel: WorkerChannel<Up<Ask>>) {
        self.0.calls.get_or_init(|| Calls::new(channel));
    }

    pub(crate) fn calls(&self) -> &Calls<Ask, Said> {
        self.0.calls.get().expect("`on_start` comes before all orders and requests")
    }

    /// Tells every worker, this one too, that `key` has changed, and returns those that have acknowledged
    /// it. It returns when all that live have, and after `ACK_TIMEOUT_MS` at the latest.
    ///
    /// # Errors
    /// [`Failure::NoAnswer`] when the primary does not answer: then perhaps no worker was told.
    pub async fn tell_all(&self, key: &str) -> Result<Vec<Slot>, Failure> {
        let asked = Ask::TellAll { key: key.to_owned() };
        match self.calls().call(asked, self.0.ack_timeout + SPARE).await? {
            Said::Told { acknowledged } => Ok(acknowledged),
            Said::Word { .. } | Said::Keeper(_) => Err(Failure::NoAnswer),
        }
    }

    /// Whether this worker has the primary's word: it asked for the last one less than `ACK_TIMEOUT_MS` ago.
    /// Without the word a change may have been answered of which this worker has not heard.
    #[must_use]
    pub fn has_word(&self) -> bool {
        let word = *self.0.word.lock().unwrap_or_else(PoisonError::into_inner);
        word.is_some_and(|asked| asked.elapsed() < self.0.ack_timeout)
    }

    /// Asks the chapter's primary ([`crate::Keeper`]), `within` this time.
    ///
    /// # Errors
    /// [`Failure::NoAnswer`] when it does not answer in time.
    pub async fn ask_keeper(&self, question: Value, within: Duration) -> Result<Value, Failure> {
        match self.calls().call(Ask::Keeper(question), within).await? {
            Said::Keeper(answer) => Ok(answer),
            Said::Word { .. } | Said::Told { .. } => Err(Failure::NoAnswer),
        }
    }

    /// News with this number came. Whether there is a gap before it.
    pub(crate) fn hear(&self, id: u64) -> bool {
        self.0.heard.swap(id, Ordering::AcqRel) + 1 != id
    }

    /// Asks for the primary's word again and again. `missed` is called when there were news that this
    /// worker has not heard.
    pub(crate) async fn keep_current(&self, missed: impl Fn()) {
        let pause = (self.0.ack_timeout / 4).max(Duration::from_millis(1));
        loop {
            let asked = Instant::now();
            // Without an answer the last word becomes too old by itself.
            if let Ok(Said::Word { last }) = self.calls().call(Ask::Word, self.0.ack_timeout).await
            {
                if self.0.heard.fetch_max(last, Ordering::AcqRel) < last {
                    missed();
                }
                *self.0.word.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
            }
            sleep(pause).await;
        }
    }
}
