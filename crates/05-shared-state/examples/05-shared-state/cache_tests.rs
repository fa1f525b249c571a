use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::Semaphore;

use super::*;

const LONG: Duration = Duration::from_hours(1);

/// An origin that answers when the test says so.
struct Origin {
    asked: AtomicUsize,
    answers: Semaphore,
}

impl Origin {
    fn new() -> Arc<Self> {
        Arc::new(Origin { asked: AtomicUsize::new(0), answers: Semaphore::new(0) })
    }

    fn load(self: &Arc<Self>, answer: Loaded) -> BoxFuture<'static, Loaded> {
        let origin = self.clone();
        origin.asked.fetch_add(1, SeqCst);
        async move {
            origin.answers.acquire().await.expect("it is open").forget();
            answer
        }
        .boxed()
    }
}

fn page(version: i64) -> Page {
    Page { value: "v".to_owned(), version }
}

async fn ask(cache: &Cache, origin: &Arc<Origin>, answer: Loaded) -> Result<Page, Failure> {
    cache.page("key", || true, || origin.load(answer.clone())).await
}

#[tokio::test]
async fn requests_share_a_load_and_the_first_may_hang_up() {
    let (cache, origin) = (Cache::new(LONG), Origin::new());
    let mut first = Box::pin(ask(&cache, &origin, Ok(Some(page(1)))));
    assert!((&mut first).now_or_never().is_none());
    let mut second = Box::pin(ask(&cache, &origin, Ok(Some(page(1)))));
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    origin.answers.add_permits(1);
    assert_eq!(second.await, Ok(page(1)));
    assert_eq!(ask(&cache, &origin, Ok(Some(page(2)))).await, Ok(page(1)));
    assert_eq!(origin.asked.load(SeqCst), 1);
}

#[tokio::test]
async fn a_load_that_began_before_a_page_was_forgotten_is_not_kept() {
    let (cache, origin) = (Cache::new(LONG), Origin::new());
    let mut before = Box::pin(ask(&cache, &origin, Ok(Some(page(1)))));
    assert!((&mut before).now_or_never().is_none());
    cache.forget("key");
    origin.answers.add_permits(2);
    assert_eq!(ask(&cache, &origin, Ok(Some(page(2)))).await, Ok(page(2)));
    before.await.expect("an answer");
    assert_eq!(ask(&cache, &origin, Ok(Some(page(3)))).await, Ok(page(2)));
}

#[tokio::test]
async fn a_page_that_changes_while_it_is_loaded_is_loaded_again() {
    let (cache, origin) = (Cache::new(LONG), Origin::new());
    origin.answers.add_permits(2);
    let changed = || origin.asked.load(SeqCst) == 0;
    let load = || origin.load(Ok(Some(page(1)).filter(|_| !changed())));
    assert_eq!(cache.page("key", || true, load).await, Ok(page(1)));
    assert_eq!(origin.asked.load(SeqCst), 2);
}

#[tokio::test]
async fn a_failure_is_not_kept_and_an_expired_page_is_better() {
    let (cache, origin) = (Cache::new(Duration::ZERO), Origin::new());
    origin.answers.add_permits(9);
    assert_eq!(ask(&cache, &origin, Err(Failure::Origin)).await, Err(Failure::Origin));
    assert_eq!(ask(&cache, &origin, Ok(Some(page(1)))).await, Ok(page(1)));
    assert_eq!(ask(&cache, &origin, Err(Failure::Origin)).await, Ok(page(1)));
    let stale = cache.page("key", || false, || origin.load(Err(Failure::Origin))).await;
    assert_eq!(
        stale,
        Err(Failure::Origin),
        "without the primary's word it may be a page of the past"
    );
    assert_eq!(ask(&cache, &origin, Ok(Some(page(2)))).await, Ok(page(2)));
}

#[tokio::test]
async fn a_load_that_panics_costs_its_own_requests_and_no_other() {
    let (cache, origin) = (Cache::new(LONG), Origin::new());
    let panics = || async { panic!("a bug") }.boxed();
    let failed = cache.page("key", || true, panics).await;
    assert!(matches!(failed, Err(Failure::Broken(_))), "{failed:?}");
    origin.answers.add_permits(1);
    assert_eq!(ask(&cache, &origin, Ok(Some(page(1)))).await, Ok(page(1)));
}

#[tokio::test]
async fn there_is_an_end_to_the_pages_that_are_kept() {
    let cache = Cache::new(LONG);
    for n in 0..ROOM + 50 {
        let load = || async { Ok(Some(page(1))) }.boxed();
        cache.page(&n.to_string(), || true, load).await.expect("a page");
    }
    assert_eq!(cache.pages().places.len(), ROOM);
}
