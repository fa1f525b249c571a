//! What each home must do. Two processes share the state, so each check has two ways to it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;

use crate::{
    sessions::Sessions,
    store::{Change, Changes, Store, Token},
};

/// A time in which everything here happens, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(30);
const LONG: Duration = Duration::from_hours(1);
const SHORT: Duration = Duration::from_millis(50);

/// Two ways to one state.
pub(crate) struct Pair {
    pub(crate) one: Arc<dyn Store>,
    pub(crate) other: Arc<dyn Store>,
}

/// Everything that a home must do.
pub(crate) async fn conforms(pair: &Pair) {
    each_increment_counts_once(pair).await;
    what_one_sets_the_other_gets(pair).await;
    a_lifetime_ends(pair).await;
    compare_and_set_has_one_winner(pair).await;
    a_lock_has_one_holder(pair).await;
    a_lease_ends_and_its_holder_changes_nothing_afterwards(pair).await;
    versions_are_numbered_and_told(pair).await;
    sessions_are_shared_and_end(pair).await;
}

async fn each_increment_counts_once(Pair { one, other }: &Pair) {
    let adding = (0..8).map(|n| async move {
        let store = if n % 2 == 0 { one } else { other };
        for _ in 0..50 {
            store.add("counter", 1).await.expect("it counts");
        }
    });
    join_all(adding).await;
    assert_eq!(one.counter("counter").await, Ok(400));
    assert_eq!(other.add("counter", -400).await, Ok(0));
    assert_eq!((one.counter("counter").await, one.counter("another").await), (Ok(0), Ok(0)));
}

async fn what_one_sets_the_other_gets(Pair { one, other }: &Pair) {
    let text = "anything: \u{2713} \0 \n \"quoted\"";
    assert_eq!(other.get("key").await, Ok(None));
    assert_eq!(one.set("key", text, None).await, Ok(()));
    assert_eq!(other.get("key").await, Ok(Some(text.to_owned())));
    assert_eq!(other.set("key", "", Some(LONG)).await, Ok(()));
    assert_eq!(one.get("key").await, Ok(Some(String::new())));
    assert_eq!((one.delete("key").await, other.delete("key").await), (Ok(true), Ok(false)));
    assert_eq!(one.get("key").await, Ok(None));
}

async fn a_lifetime_ends(Pair { one, other }: &Pair) {
    let began = Instant::now();
    one.set("brief", "v", Some(SHORT)).await.expect("it is set");
    let is_over = async || other.get("brief").await == Ok(None);
    eventually("its lifetime is over", is_over).await;
    // The machine's clock counts in milliseconds, and so may the home's.
    let lived = began.elapsed() + Duration::from_millis(2);
    assert!(lived >= SHORT, "{lived:?}");
    assert_eq!(one.delete("brief").await, Ok(false));
    one.set("brief", "v", Some(SHORT)).await.expect("it is set");
    one.set("brief", "v", None).await.expect("it is set again, without an end");
    one.set("other", "v", Some(SHORT)).await.expect("it is set");
    eventually("the other is over", async || one.get("other").await == Ok(None)).await;
    assert_eq!(other.get("brief").await, Ok(Some("v".to_owned())));
}

async fn compare_and_set_has_one_winner(Pair { one, other }: &Pair) {
    let swap = async |store: &Arc<dyn Store>, expected: Option<&str>, value: &str| {
        store.swap("place", expected, value, Some(LONG)).await.expect("it compares")
    };
    let all = join_all((0..8).map(|n| {
        let store = if n % 2 == 0 { one } else { other };
        async move { swap(store, None, &n.to_string()).await }
    }));
    let winners: Vec<_> = all.await.into_iter().enumerate().filter(|(_, won)| *won).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    let winner = winners[0].0.to_string();
    assert_eq!(one.get("place").await, Ok(Some(winner.clone())));
    assert!(!swap(other, Some("nonsense"), "x").await);
    assert!(swap(other, Some(&winner), "").await);
    assert!(!swap(one, None, "x").await, "an empty value is a value");
    assert!(swap(one, Some(""), "x").await);
    one.swap("place", Some("x"), "y", Some(SHORT)).await.expect("it compares");
    let is_over = async || swap(other, None, "z").await;
    eventually("a value whose lifetime is over is none", is_over).await;
}

async fn a_lock_has_one_holder(Pair { one, other }: &Pair) {
    let all = join_all((0..8).map(|n| {
        let store = if n % 2 == 0 { one } else { other };
        store.lock("job", LONG)
    }));
    let tokens: Vec<_> = all.await.into_iter().filter_map(|token| token.expect("a lock")).collect();
    assert_eq!(tokens, [Token(1)]);
    assert_eq!(one.finished("job").await, Ok(None));
    assert_eq!(other.finish("job", Token(7), Some("forged")).await, Ok(false));
    assert_eq!(other.finish("job", Token(1), Some("done")).await, Ok(true));
    let finished = one.finished("job").await.expect("it is there").expect("a result");
    assert_eq!((finished.token, finished.result.as_str()), (Token(1), "done"));
    assert_eq!(one.lock("job", LONG).await, Ok(Some(Token(2))));
    // Work that failed gives its lock back, and the last result stays.
    assert_eq!(one.finish("job", Token(2), None).await, Ok(true));
    assert_eq!(other.finished("job").await, Ok(Some(finished)));
    assert_eq!(other.lock("job", LONG).await, Ok(Some(Token(3))));
    assert_eq!(one.lock("another job", LONG).await, Ok(Some(Token(1))));
}

async fn a_lease_ends_and_its_holder_changes_nothing_afterwards(Pair { one, other }: &Pair) {
    assert_eq!(one.lock("lease", SHORT).await, Ok(Some(Token(1))));
    let next = async || other.lock("lease", LONG).await == Ok(Some(Token(2)));
    eventually("the lease is over", next).await;
    assert_eq!(one.finish("lease", Token(1), Some("late")).await, Ok(false));
    assert_eq!(one.finished("lease").await, Ok(None));
    assert_eq!(one.lock("lease", LONG).await, Ok(None), "the second one still has it");
    assert_eq!(other.finish("lease", Token(2), Some("in time")).await, Ok(true));
    assert_eq!(one.finish("lease", Token(1), Some("late")).await, Ok(false));
    let finished = other.finished("lease").await.expect("it is there").expect("a result");
    assert_eq!(finished.result, "in time");
}

async fn versions_are_numbered_and_told(Pair { one, other }: &Pair) {
    let mut changes = one.changes();
    assert_eq!(hear(&mut changes).await, Change::OfAnything);
    assert_eq!(one.current("page").await, Ok(None));
    for (number, value) in [(1, "a"), (2, "b"), (3, "a")] {
        assert_eq!(other.change("page", value).await, Ok(number));
        assert_eq!(hear(&mut changes).await, Change::Of("page".to_owned()));
        let current = one.current("page").await.expect("it is there").expect("a version");
        assert_eq!((current.number, current.value.as_str()), (number, value));
    }
    assert_eq!(one.change("another page", "a").await, Ok(1));
    assert_eq!(hear(&mut changes).await, Change::Of("another page".to_owned()));
}

async fn sessions_are_shared_and_end(pair: &Pair) {
    let sessions =
        |store: &Arc<dyn Store>, idle, longest| Sessions::new(store.clone(), idle, longest);
    let (one, other) = (sessions(&pair.one, LONG, LONG), sessions(&pair.other, LONG, LONG));
    one.log_in(None, "first", "anna").await.expect("a session");
    one.log_in(Some("first"), "second", "anna").await.expect("a session");
    let user = async |sessions: &Sessions, id: &str| {
        let session = sessions.update(id, |_| ()).await.expect("an answer");
        session.map(|session| session.user)
    };
    assert_eq!(user(&other, "first").await, None);
    assert_eq!(user(&other, "second").await, Some("anna".to_owned()));
    let adding = (0..8).map(|n| {
        let sessions = if n % 2 == 0 { &one } else { &other };
        sessions.update("second", move |session| session.cart.push(n.to_string()))
    });
    join_all(adding).await;
    let session = one.update("second", |_| ()).await.expect("an answer").expect("a session");
    assert_eq!(session.cart.len(), 8, "{:?}", session.cart);
    assert_eq!((other.log_out("second").await, one.log_out("second").await), (Ok(true), Ok(false)));
    assert_eq!(user(&one, "second").await, None);
    let is_over = async |idle, longest| {
        let brief = sessions(&pair.one, idle, longest);
        brief.log_in(None, "brief", "anna").await.expect("a session");
        // Looking at a session with a long idle time is use.
        eventually("it is over", async || user(&brief, "brief").await.is_none()).await;
    };
    is_over(LONG, SHORT).await;
    let idle = sessions(&pair.one, SHORT, LONG);
    idle.log_in(None, "idle", "anna").await.expect("a session");
    let is_gone = async || pair.other.get("session/idle").await == Ok(None);
    eventually("it is over without use", is_gone).await;
}

/// Asks until `is_so`. What has a lifetime ends without a word.
pub(crate) async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + harness::patience(LIMIT);
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    while !is_so().await {
        assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}");
        ticks.tick().await;
    }
}

/// What a subscriber hears next.
pub(crate) async fn hear(changes: &mut Changes) -> Change {
    let heard = tokio::time::timeout(harness::patience(LIMIT), changes.next()).await;
    heard.expect("news in time").expect("the home is there")
}
