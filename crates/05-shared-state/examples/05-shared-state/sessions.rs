//! Sessions that outlive the worker that began them, and not their own end.
//!
//! A session is one value of the store. It changes by compare and set: two requests at once both count,
//! and a slow request can't bring a session back that has ended meanwhile. It ends without use after the
//! idle time, and with use after the longest time; both are its value's lifetime, so no sweeper has to
//! come.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use shared_state::Failure;

use crate::store::Store;

/// The sessions of an application.
pub(crate) struct Sessions {
    store: Arc<dyn Store>,
    idle: Duration,
    longest: Duration,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) cart: Vec<String>,
    /// By the clock of the machine, since 1970: processes come and go within it.
    ends: Duration,
}

impl Sessions {
    /// Sessions in `store` that end after `idle` without use, and after `longest` with it.
    pub(crate) fn new(store: Arc<dyn Store>, idle: Duration, longest: Duration) -> Self {
        Sessions { store, idle, longest }
    }

    /// Begins a session of `user` under the new name `id`, and ends the session that the client came with.
    /// An attacker may have given that id to the client: it must not become worth anything.
    pub(crate) async fn log_in(
        &self,
        came_in: Option<&str>,
        id: &str,
        user: &str,
    ) -> Result<(), Failure> {
        if let Some(came_in) = came_in {
            self.log_out(came_in).await?;
        }
        let session =
            Session { user: user.to_owned(), cart: Vec::new(), ends: now() + self.longest };
        let lifetime = self.idle.min(self.longest);
        self.store.set(&key(id), &text(&session)?, Some(lifetime)).await
    }

    /// Changes the session `id` and returns it; `None` when it has ended. That counts as use.
    pub(crate) async fn update(
        &self,
        id: &str,
        change: impl Fn(&mut Session) + Send,
    ) -> Result<Option<Session>, Failure> {
        let key = key(id);
        // Another try means that another request has changed the session in between: not one of them
        // waits for a lock.
        while let Some(before) = self.store.get(&key).await? {
            let mut session: Session = serde_json::from_str(&before)
                .map_err(|error| Failure::Broken(format!("a session: {error}")))?;
            let left = session.ends.saturating_sub(now());
            if left.is_zero() {
                self.store.delete(&key).await?;
                return Ok(None);
            }
            change(&mut session);
            let lifetime = Some(self.idle.min(left));
            if self.store.swap(&key, Some(&before), &text(&session)?, lifetime).await? {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    /// Ends the session `id`, and says whether there was one.
    pub(crate) async fn log_out(&self, id: &str) -> Result<bool, Failure> {
        self.store.delete(&key(id)).await
    }
}

fn key(id: &str) -> String {
    format!("session/{id}")
}

fn text(session: &Session) -> Result<String, Failure> {
    serde_json::to_string(session).map_err(|error| Failure::Broken(error.to_string()))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
