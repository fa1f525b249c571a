//! What an application may ask of shared state, wherever it lies.
//!
//! Each operation is atomic: no process sees half of it, and no other operation comes in between. Each
//! ends, with an answer or with a [`Failure`]: after `Busy` nothing was done, and it may be tried again;
//! after `NoAnswer` it is perhaps done, and trying again could do it twice.

use std::{future::ready, path::PathBuf, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use serde::{Deserialize, Serialize};
use shared_state::Failure;
use tokio::sync::mpsc;

/// What becomes of one operation.
pub(crate) type Reply<'a, T> = BoxFuture<'a, Result<T, Failure>>;

/// State that all processes share.
pub(crate) trait Store: Send + Sync + 'static {
    /// Adds `by` to the counter `key`, and returns what it is then. A new counter is 0.
    fn add(&self, key: &str, by: i64) -> Reply<'_, i64>;

    /// The counter `key`.
    fn counter(&self, key: &str) -> Reply<'_, i64>;

    /// The value of `key`, unless its lifetime is over.
    fn get(&self, key: &str) -> Reply<'_, Option<String>>;

    /// Makes `value` the value of `key`, for `lifetime` if there is one.
    fn set(&self, key: &str, value: &str, lifetime: Option<Duration>) -> Reply<'_, ()>;

    /// Takes the value of `key` away, and says whether there was one.
    fn delete(&self, key: &str) -> Reply<'_, bool>;

    /// Compare and set: does the same as [`Self::set`] if the value is `expected`, and says whether it
    /// was. `None` means that no value is expected.
    fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: &str,
        lifetime: Option<Duration>,
    ) -> Reply<'_, bool>;

    /// Takes the lock `name` for `lease`; `None` while another holder has it. No token of a lock is ever
    /// given out twice, and each is greater than all before it.
    fn lock(&self, name: &str, lease: Duration) -> Reply<'_, Option<Token>>;

    /// Gives the lock back and keeps `result`, if `token` is the newest one; says whether it was. Work
    /// that failed has no result. A holder that was frozen past its lease finds a newer token: it
    /// changes nothing.
    fn finish(&self, name: &str, token: Token, result: Option<&str>) -> Reply<'_, bool>;

    /// What the last holder that finished has kept.
    fn finished(&self, name: &str) -> Reply<'_, Option<Finished>>;

    /// Makes `value` the current version of `key`, tells all subscribers, and returns its number: 1, 2,
    /// 3, and so on.
    fn change(&self, key: &str, value: &str) -> Reply<'_, i64>;

    /// The current version of `key`.
    fn current(&self, key: &str) -> Reply<'_, Option<Version>>;

    /// Copies all that it has into the new `file`. A home that isn't a file can't do that.
    fn backup(&self, file: PathBuf) -> Reply<'_, ()> {
        drop(file);
        ready(Err(Failure::Missing)).boxed()
    }

    /// What changes from now on.
    fn changes(&self) -> Changes;
}

/// The place of a holder in the row of all holders of one lock: a fencing token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Token(pub(crate) i64);

/// What a holder of a lock has kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finished {
    pub(crate) token: Token,
    pub(crate) result: String,
}

/// One version of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) number: i64,
    pub(crate) value: String,
}

/// What a subscriber hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// There is a new version of this key.
    Of(String),
    /// There may be one of any key: news may have been missed. The first that each subscriber hears.
    OfAnything,
}

/// The ear of one subscriber. What it misses, it hears of as [`Change::OfAnything`].
pub(crate) struct Changes(mpsc::Receiver<Change>);

/// News that may wait for one subscriber.
const WAITING: usize = 256;

impl Changes {
    /// An ear, and the way to it.
    pub(crate) fn channel() -> (mpsc::Sender<Change>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (sender, Changes(receiver))
    }

    /// What changes next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Change> {
        self.0.recv().await
    }
}
