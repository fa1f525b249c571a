//! The pages of one worker, and the loads under way for them.
//!
//! Requests for one page share one load, which is a task of its own: no request that hangs up takes it
//! along, and requests for other pages don't wait for it. A page that is forgotten loses its load, too: the
//! next request begins a new one, and what the old one brings is not kept.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared},
};
use shared_state::{Failure, Page};

/// What a load brings. `None`: its value changed meanwhile, so it is a page of the past.
pub(crate) type Loaded = Result<Option<Page>, Failure>;

/// Pages that are kept at most.
const ROOM: usize = 1000;
/// How often a request begins again whose page changes while it is loaded.
const TRIES: usize = 8;

/// The pages of one worker. Its clones are the same.
#[derive(Clone)]
pub(crate) struct Cache {
    pages: Arc<Mutex<Pages>>,
    lifetime: Duration,
}

#[derive(Default)]
struct Pages {
    places: HashMap<String, Place>,
    loads: u64,
}

#[derive(Default)]
struct Place {
    /// With the moment at which its load began: the value is as old as that.
    page: Option<(Page, Instant)>,
    load: Option<(u64, Shared<BoxFuture<'static, Loaded>>)>,
}

enum Look {
    Fresh(Page),
    Loading(Shared<BoxFuture<'static, Loaded>>),
}

impl Cache {
    /// An empty cache, whose pages may be served for `lifetime`.
    pub(crate) fn new(lifetime: Duration) -> Self {
        Cache { pages: Arc::default(), lifetime }
    }

    /// The page of `key`: a kept one while `has_word`, or what `load` brings.
    pub(crate) async fn page(
        &self,
        key: &str,
        has_word: impl Fn() -> bool,
        load: impl Fn() -> BoxFuture<'static, Loaded>,
    ) -> Result<Page, Failure> {
        for _ in 0..TRIES {
            let loading = match self.look(key, has_word(), &load) {
                Look::Fresh(page) => return Ok(page),
                Look::Loading(loading) => loading,
            };
            match loading.await {
                Ok(Some(page)) => return Ok(page),
                Ok(None) => {}
                // An expired page is better than no page. A page that was forgotten is not there any more.
                Err(failure) => {
                    return self.kept(key).filter(|_| has_word()).ok_or(failure);
                }
            }
        }
        Err(Failure::Busy)
    }

    /// Forgets the page of `key`, and that it is being loaded.
    pub(crate) fn forget(&self, key: &str) {
        self.pages().places.remove(key);
    }

    /// Forgets all pages.
    pub(crate) fn forget_all(&self) {
        self.pages().places.clear();
    }

    fn look(
        &self,
        key: &str,
        has_word: bool,
        load: impl Fn() -> BoxFuture<'static, Loaded>,
    ) -> Look {
        let mut pages = self.pages();
        pages.make_room(key);
        let number = pages.loads + 1;
        let place = pages.places.entry(key.to_owned()).or_default();
        if let Some((page, born)) = &place.page
            && has_word
            && born.elapsed() < self.lifetime
        {
            return Look::Fresh(page.clone());
        }
        // A load that has ended and is still there has panicked: the next request tries again.
        if let Some((_, loading)) = place.load.as_ref().filter(|(_, load)| load.peek().is_none()) {
            return Look::Loading(loading.clone());
        }
        let loading = self.start(key.to_owned(), number, load());
        place.load = Some((number, loading.clone()));
        pages.loads = number;
        Look::Loading(loading)
    }

    fn start(
        &self,
        key: String,
        number: u64,
        load: BoxFuture<'static, Loaded>,
    ) -> Shared<BoxFuture<'static, Loaded>> {
        let (cache, began) = (self.clone(), Instant::now());
        let task = tokio::spawn(async move {
            let loaded = load.await;
            cache.settle(&key, number, began, &loaded);
            loaded
        });
        let panicked = |_| Err(Failure::Broken("a load has panicked".to_owned()));
        task.map(move |ended| ended.unwrap_or_else(panicked)).boxed().shared()
    }

    /// A load has ended. Its page is kept if `key` still waits for this load.
    fn settle(&self, key: &str, number: u64, began: Instant, loaded: &Loaded) {
        let mut pages = self.pages();
        let Some(place) = pages.places.get_mut(key) else { return };
        if place.load.take_if(|(waited_for, _)| *waited_for == number).is_some()
            && let Ok(Some(page)) = loaded
        {
            place.page = Some((page.clone(), began));
        }
    }

    fn kept(&self, key: &str) -> Option<Page> {
        self.pages().places.get(key)?.page.as_ref().map(|(page, _)| page.clone())
    }

    /// Never held over an `await`.
    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    /// Makes room for `key`. Without a bound, a client that asks for more and more keys fills the memory.
    fn make_room(&mut self, key: &str) {
        if self.places.len() < ROOM || self.places.contains_key(key) {
            return;
        }
        let born = |place: &Place| place.page.as_ref().map(|(_, born)| *born);
        let idle = self.places.iter().filter(|(_, place)| place.load.is_none());
        let oldest = idle.min_by_key(|(_, place)| born(place)).map(|(key, _)| key.clone());
        if let Some(oldest) = oldest {
            self.places.remove(&oldest);
        }
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
