//! The table of one link, shared by the tasks that wait in it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use advanced_ipc::{CallId, Failure};
use tokio::sync::oneshot;

use crate::table::Table;

/// The calls that are open on one link. Its clones are the same table.
pub(crate) struct Calls<T>(Arc<Mutex<Waiting<T>>>);

type Waiting<T> = Table<oneshot::Sender<Result<T, Failure>>>;

/// A call that is open. Dropping it gives its place back: at its answer and its deadline, and also when
/// the task that waits is dropped.
pub(crate) struct Call<T> {
    pub(crate) id: CallId,
    outcome: oneshot::Receiver<Result<T, Failure>>,
    calls: Calls<T>,
}

impl<T> Calls<T> {
    /// A table with `limit` places.
    pub(crate) fn new(limit: usize) -> Self {
        Calls(Arc::new(Mutex::new(Table::new(limit))))
    }

    /// Opens a call. It must be open before its frame is sent: the answer may be faster than we are.
    pub(crate) fn open(&self) -> Result<Call<T>, Failure> {
        let (waiter, outcome) = oneshot::channel();
        let id = self.table().open(waiter)?;
        Ok(Call { id, outcome, calls: self.clone() })
    }

    /// The peer has replied to the call `id`.
    pub(crate) fn answer(&self, id: CallId, outcome: Result<T, Failure>) {
        if let Some(waiter) = self.table().close(id) {
            // The caller may be leaving in this moment.
            let _ = waiter.send(outcome);
        }
    }

    /// The peer is gone.
    pub(crate) fn gone(&self) {
        for waiter in self.table().gone() {
            let _ = waiter.send(Err(Failure::Died));
        }
    }

    /// Never held over an `await`.
    fn table(&self) -> MutexGuard<'_, Waiting<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Call<T> {
    /// Waits for what becomes of it.
    pub(crate) async fn outcome(&mut self) -> Result<T, Failure> {
        (&mut self.outcome).await.unwrap_or(Err(Failure::Died))
    }
}

impl<T> Drop for Call<T> {
    fn drop(&mut self) {
        self.calls.table().close(self.id);
    }
}

impl<T> Clone for Calls<T> {
    fn clone(&self) -> Self {
        Calls(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_call_that_is_dropped_gives_its_place_back() {
        let calls: Calls<u8> = Calls::new(1);
        let call = calls.open().expect("a place");
        assert_eq!(calls.open().err(), Some(Failure::Full));
        drop(call);
        let mut next = calls.open().expect("its place is free");
        calls.answer(next.id, Ok(7));
        assert_eq!(next.outcome().await, Ok(7));
    }

    #[tokio::test]
    async fn what_was_answered_before_the_peer_went_stays_answered() {
        let calls: Calls<u8> = Calls::new(2);
        let (mut answered, mut open) = (calls.open().expect("one"), calls.open().expect("two"));
        calls.answer(answered.id, Ok(7));
        calls.gone();
        assert_eq!(answered.outcome().await, Ok(7));
        assert_eq!(open.outcome().await, Err(Failure::Died));
    }
}
