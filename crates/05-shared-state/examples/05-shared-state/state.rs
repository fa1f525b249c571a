//! What a worker's routes ask for, made of the store, the cache, and the sessions.

use std::{path::PathBuf, sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use shared_state::{
    Change, Failure, Flight, JobDone, News, Origin, Page, Place, Session, SessionId, SharedState,
};
use tokio::sync::broadcast;

use crate::{
    cache::{Cache, Loaded},
    flight::{Turn, once_in_the_cluster},
    open::{Opened, open},
    sessions::Sessions,
    store::{self, Store},
    telling::Telling,
};

/// What all workers share, seen from one of them.
pub(crate) struct State {
    store: Arc<dyn Store>,
    sessions: Sessions,
    cache: Cache,
    flight: Flight,
    telling: Telling,
    news: News,
    /// The same news, for the store's own subscribers.
    told: broadcast::Sender<String>,
    origin: Origin,
    lease: Duration,
}

impl State {
    /// The state of the worker in `place`.
    pub(crate) fn new(place: Place) -> Result<Self, Failure> {
        let Opened { store, told, is_wider } = open(&place)?;
        let Place { config, news, origin, .. } = place;
        let cache = Cache::new(config.cache_ttl);
        if is_wider {
            tokio::spawn(follow(store.clone(), cache.clone()));
        }
        Ok(State {
            sessions: Sessions::new(store.clone(), config.session_idle, config.session_max),
            cache,
            flight: config.flight,
            telling: Telling::from_env().map_err(|error| Failure::Broken(error.to_string()))?,
            lease: config.lease,
            store,
            news,
            told,
            origin,
        })
    }

    /// One load of the page of `key`, to be begun whenever the cache wants it.
    fn load(&self, key: &str) -> BoxFuture<'static, Loaded> {
        let (store, origin, key) = (self.store.clone(), self.origin.clone(), key.to_owned());
        let (flight, lease) = (self.flight, self.lease);
        async move {
            let (version, value) = current(&store, &key).await?;
            let render = async || {
                let value = origin.render(&key, &value).await?;
                Ok(Page { value, version })
            };
            let page = match flight {
                Flight::Request | Flight::Worker => render().await?,
                Flight::Cluster => {
                    let turn = Turn { store: &store, key: &key, version, lease };
                    once_in_the_cluster(turn, render).await?
                }
            };
            // A worker that was frozen meanwhile has not heard of a change, and no change waits for it.
            let is_still_current = current(&store, &key).await?.0 == version;
            Ok(Some(page).filter(|_| is_still_current))
        }
        .boxed()
    }
}

async fn current(store: &Arc<dyn Store>, key: &str) -> Result<(i64, String), Failure> {
    let version = store.current(key).await?;
    Ok(version.map_or((0, String::new()), |version| (version.number, version.value)))
}

/// Forgets what another cluster on the same store has changed.
async fn follow(store: Arc<dyn Store>, cache: Cache) {
    let mut changes = store.changes();
    while let Some(change) = changes.next().await {
        match change {
            store::Change::Of(key) => cache.forget(&key),
            store::Change::OfAnything => cache.forget_all(),
        }
    }
}

impl SharedState for State {
    async fn count(&self, key: String) -> Result<i64, Failure> {
        self.store.add(&key, 1).await
    }

    async fn counter(&self, key: String) -> Result<i64, Failure> {
        self.store.counter(&key).await
    }

    async fn log_in(&self, user: String, old: Option<SessionId>) -> Result<SessionId, Failure> {
        let id = SessionId::random();
        let old = old.as_ref().map(SessionId::as_str);
        self.sessions.log_in(old, id.as_str(), &user).await?;
        Ok(id)
    }

    async fn session(&self, id: SessionId) -> Result<Option<Session>, Failure> {
        let found = self.sessions.update(id.as_str(), |_| ()).await?;
        Ok(found.map(|session| Session { id, user: session.user, cart: session.cart }))
    }

    async fn log_out(&self, id: SessionId) -> Result<bool, Failure> {
        self.sessions.log_out(id.as_str()).await
    }

    async fn add_to_cart(
        &self,
        session: Session,
        item: String,
    ) -> Result<Option<Vec<String>>, Failure> {
        let add = |session: &mut crate::sessions::Session| session.cart.push(item.clone());
        let changed = self.sessions.update(session.id.as_str(), add).await?;
        Ok(changed.map(|session| session.cart))
    }

    async fn page(&self, key: String) -> Result<Page, Failure> {
        if self.flight == Flight::Request {
            return self.load(&key).await?.ok_or(Failure::Busy);
        }
        let may_use_it = || self.telling == Telling::NoWorker || self.news.has_word();
        self.cache.page(&key, may_use_it, || self.load(&key)).await
    }

    async fn change(&self, key: String, value: String) -> Result<Change, Failure> {
        let version = self.store.change(&key, &value).await?;
        if self.telling == Telling::NoWorker {
            self.forget(&key);
            return Ok(Change { version, acknowledged: Vec::new() });
        }
        // After the write: a worker that forgets its page before it would load the old value again.
        let acknowledged = self.news.tell_all(&key).await?;
        Ok(Change { version, acknowledged })
    }

    fn forget(&self, key: &str) {
        self.cache.forget(key);
        // There may be no subscriber.
        let _ = self.told.send(key.to_owned());
    }

    fn forget_all(&self) {
        self.cache.forget_all();
    }

    async fn run_job(&self, name: String) -> Result<JobDone, Failure> {
        let token = self.store.lock(&name, self.lease).await?.ok_or(Failure::Held)?;
        match self.origin.work(&name, token.0).await {
            Ok(result) if self.store.finish(&name, token, Some(&result)).await? => {
                Ok(JobDone { token: token.0, result })
            }
            Ok(_) => Err(Failure::Lost),
            Err(failure) => {
                // The next request need not wait for the end of the lease.
                self.store.finish(&name, token, None).await?;
                Err(failure)
            }
        }
    }

    async fn last_job(&self, name: String) -> Result<Option<JobDone>, Failure> {
        let finished = self.store.finished(&name).await?;
        Ok(finished.map(|last| JobDone { token: last.token.0, result: last.result }))
    }

    async fn backup(&self, file: PathBuf) -> Result<(), Failure> {
        self.store.backup(file).await
    }
}
