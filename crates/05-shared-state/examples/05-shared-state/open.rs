//! What each process opens of the home that `STORE` names.

use std::{
    env,
    future::ready,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use serde_json::json;
use shared_state::{Config, Failure, Place};
use tokio::sync::broadcast;

use crate::{
    home::Home,
    in_primary::{Call, InPrimary},
    in_redis::InRedis,
    in_sqlite::InSqlite,
    memory::{Ask, Memory},
    store::Store,
};

/// How long one call to the primary, or to Redis, may take.
pub(crate) const CALL: Duration = Duration::from_secs(2);
/// News that may wait for one subscriber in this process.
const WAITING: usize = 256;

/// A worker's way to the state.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// Where the worker passes on what its primary has told.
    pub(crate) told: broadcast::Sender<String>,
    /// Whether there may be changes of which the own primary does not know.
    pub(crate) is_wider: bool,
}

/// Opens the state for the worker in `place`.
pub(crate) fn open(place: &Place) -> Result<Opened, Failure> {
    let broken = Failure::Broken;
    let told = broadcast::Sender::new(WAITING);
    let config = &place.config;
    let home = Home::from_env(config).map_err(|error| broken(error.to_string()))?;
    let store: Arc<dyn Store> = match &home {
        Home::Worker => Arc::new(InPrimary::new(alone(), told.clone())),
        Home::Primary => {
            let news = place.news.clone();
            let call = move |ask: Ask| {
                let news = news.clone();
                async move { news.ask_keeper(json!(ask), CALL).await }.boxed()
            };
            Arc::new(InPrimary::new(Arc::new(call), told.clone()))
        }
        Home::Sqlite(path) => {
            let config = Config { database: path.clone(), ..config.clone() };
            Arc::new(InSqlite::open(&config, connections(&config))?)
        }
        Home::Redis { address, prefix } => {
            let connections = NonZero::new(for_calls(config)).unwrap_or(NonZero::<usize>::MIN);
            let opened = InRedis::open(address, prefix, connections, CALL);
            Arc::new(opened.map_err(|error| broken(error.to_string()))?)
        }
    };
    let is_wider = matches!(home, Home::Redis { .. });
    Ok(Opened { store, told, is_wider })
}

/// A way to a memory of this worker's own, which no other worker sees.
fn alone() -> Call {
    let memory = Mutex::new(Memory::default());
    Arc::new(move |ask| {
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        ready(Ok(memory.answer(ask, Instant::now()))).boxed()
    })
}

/// How many connections to Redis are for calls: one is for news.
pub(crate) fn for_calls(config: &Config) -> usize {
    connections(config) as usize - 1
}

/// How many connections this process may have: its share of the budget of all, in a roll, too. One is the
/// primary's, or an operator's.
///
/// `POOL` is the same number for each process, however many there are. That is the default of many
/// libraries, and the tour shows how it ends.
fn connections(config: &Config) -> u32 {
    let pool = env::var("POOL").ok().and_then(|pool| pool.parse().ok());
    let processes = config.shared.workers + config.max_surge;
    pool.unwrap_or((config.db_connections - 1) / processes).max(1)
}
