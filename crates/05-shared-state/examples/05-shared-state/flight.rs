//! How many loads of one page there are at a time: one for each request, each worker, or the cluster.

use std::{env, sync::Arc, time::Duration};

use cluster_basics::config::ConfigError;
use shared_state::{Failure, Page};
use tokio::time::interval;

use crate::store::Store;

/// What `FLIGHT` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flight {
    /// Each request loads for itself. The tour shows what that costs.
    Request,
    /// The requests of one worker share a load.
    Worker,
    /// All requests share one.
    Cluster,
}

/// How often a worker looks whether the load of another one is over.
const LOOK: Duration = Duration::from_millis(20);
/// How long the page of one worker is there for the others, which waited for it.
const HANDED_ON: Duration = Duration::from_secs(2);

impl Flight {
    /// Reads `FLIGHT`.
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        let Some(flight) = env::var_os("FLIGHT") else { return Ok(Flight::Worker) };
        match flight.to_str() {
            Some("request") => Ok(Flight::Request),
            Some("worker") => Ok(Flight::Worker),
            Some("cluster") => Ok(Flight::Cluster),
            _ => {
                let flight = flight.to_string_lossy().into_owned();
                let wanted = "request, worker or cluster";
                Err(ConfigError::new("FLIGHT", flight, wanted).by_default("worker"))
            }
        }
    }
}

/// Loads a page once in the whole cluster. The worker that has the lock loads; the others wait for its
/// page, and for its lease at most: a worker that dies must not take the page along.
///
/// A page of another `version` is of no use, so the version is part of what is handed on.
pub(crate) async fn once_in_the_cluster(
    store: &Arc<dyn Store>,
    key: &str,
    version: i64,
    lease: Duration,
    load: impl AsyncFnOnce() -> Result<Page, Failure>,
) -> Result<Page, Failure> {
    let name = format!("page/{key}");
    let mut looks = interval(LOOK);
    let token = loop {
        looks.tick().await;
        if let Some(page) = handed_on(store, &name, version).await? {
            return Ok(page);
        }
        if let Some(token) = store.lock(&name, lease).await? {
            break token;
        }
    };
    // It may have come between the look and the lock.
    let loaded = match handed_on(store, &name, version).await? {
        Some(page) => Ok(page),
        None => load().await,
    };
    if let Ok(page) = &loaded {
        let text = format!("{} {}", page.version, page.value);
        store.set(&name, &text, Some(HANDED_ON)).await?;
    }
    store.finish(&name, token, None).await?;
    loaded
}

async fn handed_on(
    store: &Arc<dyn Store>,
    name: &str,
    version: i64,
) -> Result<Option<Page>, Failure> {
    let kept = store.get(name).await?;
    let page = kept.as_deref().and_then(|text| text.split_once(' '));
    let page = page.filter(|(number, _)| number.parse() == Ok(version));
    Ok(page.map(|(_, value)| Page { value: value.to_owned(), version }))
}
