//! What the routes need: exercise 6 builds it.

use std::{future::ready, path::PathBuf};

use events::Slot;
use serde::Serialize;

use crate::{Failure, SessionId};

/// What was read of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The user who logged in.
    pub user: String,
    /// What was in the cart when it was read.
    pub cart: Vec<String>,
}

/// A rendered page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page {
    /// What the origin made of the value.
    pub value: String,
    /// The version of the value; 0 before the first change.
    pub version: i64,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// 1 for the first change of a key, then 2, 3, and so on.
    pub version: i64,
    /// The workers that no longer have a page of the old value.
    pub acknowledged: Vec<Slot>,
}

/// A job that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobDone {
    /// The token of the lease under which it was done.
    pub token: i64,
    /// What came of it.
    pub result: String,
}

/// What is shared by all workers. Each worker has one of these.
pub trait SharedState: Send + Sync + 'static {
    /// `POST /counter`: adds 1 to the counter `key`, and returns its value.
    fn count(&self, key: String) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// `GET /counter`: the value of the counter `key`; 0 before the first increment.
    fn counter(&self, key: String) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// `POST /login`: begins a session of `user`, and ends the session `old` that the client came with.
    fn log_in(
        &self,
        user: String,
        old: Option<SessionId>,
    ) -> impl Future<Output = Result<SessionId, Failure>> + Send;

    /// `GET /me`: the session `id`, which is used now; `None` if it has ended.
    fn session(
        &self,
        id: SessionId,
    ) -> impl Future<Output = Result<Option<Session>, Failure>> + Send;

    /// `POST /logout`: ends the session `id`; whether there was one.
    fn log_out(&self, id: SessionId) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// `POST /cart`: puts `item` into the cart of `session`, which was read a while ago, and returns the
    /// cart; `None` if the session has ended meanwhile.
    fn add_to_cart(
        &self,
        session: Session,
        item: String,
    ) -> impl Future<Output = Result<Option<Vec<String>>, Failure>> + Send;

    /// `GET /page/KEY`: the page of `key`, from the cache or from the origin.
    fn page(&self, key: String) -> impl Future<Output = Result<Page, Failure>> + Send;

    /// `PUT /config/KEY`: changes the value of `key`, on all workers.
    fn change(
        &self,
        key: String,
        value: String,
    ) -> impl Future<Output = Result<Change, Failure>> + Send;

    /// News: `key` has changed. It is acknowledged when this returns.
    fn forget(&self, key: &str);

    /// This worker may have missed news.
    fn forget_all(&self);

    /// `POST /jobs/NAME`: runs the job, unless another request runs it.
    fn run_job(&self, name: String) -> impl Future<Output = Result<JobDone, Failure>> + Send;

    /// `GET /jobs/NAME`: the last run that counts; `None` before the first.
    fn last_job(
        &self,
        name: String,
    ) -> impl Future<Output = Result<Option<JobDone>, Failure>> + Send;

    /// `POST /backup/NAME`: copies all that is shared into a new `file`. An extra.
    fn backup(&self, file: PathBuf) -> impl Future<Output = Result<(), Failure>> + Send {
        drop(file);
        ready(Err(Failure::Missing))
    }
}
