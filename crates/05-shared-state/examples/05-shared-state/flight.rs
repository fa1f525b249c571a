//! One load of a page at a time for all workers of the cluster.

use std::{sync::Arc, time::Duration};

use shared_state::{Failure, Page};
use tokio::time::interval;

use crate::store::Store;

/// How often a worker looks whether the load of another one is over.
const LOOK: Duration = Duration::from_millis(20);
/// How long the page of one worker is there for the others, which waited for it.
const HANDED_ON: Duration = Duration::from_secs(2);

/// The lock of a page, and how long it keeps others waiting.
pub(crate) struct Turn<'a> {
    pub(crate) store: &'a Arc<dyn Store>,
    pub(crate) key: &'a str,
    /// A page of another version is of no use, so the version is part of what is handed on.
    pub(crate) version: i64,
    pub(crate) lease: Duration,
}

/// Loads a page once in the whole cluster. The worker that has the lock loads; the others wait for its
/// page, and for its lease at most: a worker that dies must not take the page along.
///
/// They don't take a page that was there before they asked: it may have expired.
pub(crate) async fn once_in_the_cluster(
    turn: Turn<'_>,
    load: impl AsyncFnOnce() -> Result<Page, Failure>,
) -> Result<Page, Failure> {
    let Turn { store, key, version, lease } = turn;
    let name = format!("page/{key}");
    let before = handed_on(store, &name).await?.map_or(0, |last| last.token);
    let mut looks = interval(LOOK);
    let token = loop {
        looks.tick().await;
        if let Some(token) = store.lock(&name, lease).await? {
            break token;
        }
        let last = handed_on(store, &name).await?;
        if let Some(last) = last.filter(|last| last.token > before && last.page.version == version)
        {
            return Ok(last.page);
        }
    };
    // It may have come between the look and the lock.
    let last = handed_on(store, &name).await?.filter(|last| last.token > before);
    let loaded = match last.filter(|last| last.page.version == version) {
        Some(last) => Ok(last.page),
        None => load().await,
    };
    if let Ok(page) = &loaded {
        let text = format!("{} {} {}", token.0, page.version, page.value);
        store.set(&name, &text, Some(HANDED_ON)).await?;
    }
    store.finish(&name, token, None).await?;
    loaded
}

/// A page, and the token of the lock under which it was loaded.
struct Last {
    token: i64,
    page: Page,
}

async fn handed_on(store: &Arc<dyn Store>, name: &str) -> Result<Option<Last>, Failure> {
    let kept = store.get(name).await?;
    let mut parts = kept.as_deref().unwrap_or_default().splitn(3, ' ');
    let mut number = || parts.next().and_then(|number| number.parse().ok());
    let (token, version) = (number(), number());
    let last = token.zip(version).zip(parts.next());
    Ok(last.map(|((token, version), value)| Last {
        token,
        page: Page { value: value.to_owned(), version },
    }))
}
