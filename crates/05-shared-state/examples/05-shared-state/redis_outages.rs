//! Redis stopped, killed, and back, while several tasks ask it all the time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use harness::Signal;
use shared_state::Failure;
use tokio::task::JoinSet;

use crate::{
    conformance::{eventually, hear},
    conforming::{in_redis, redis},
    store::{Change, Store},
};

const CALL: Duration = Duration::from_millis(500);

/// What became of the increments of a load.
#[derive(Default)]
struct Account {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
    refused: AtomicI64,
    longest_micros: AtomicU64,
    is_over: AtomicBool,
}

impl Account {
    fn acknowledged(&self) -> i64 {
        self.acknowledged.load(SeqCst)
    }

    /// Waits until `number` more have been acknowledged.
    async fn more(&self, number: i64) {
        let goal = self.acknowledged() + number;
        eventually("more is acknowledged", async || self.acknowledged() >= goal).await;
    }
}

/// Four tasks that count, one increment after the other.
fn load(store: &Arc<dyn Store>) -> (Arc<Account>, JoinSet<()>) {
    let account = Arc::new(Account::default());
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let (store, account) = (store.clone(), account.clone());
        tasks.spawn(async move {
            while !account.is_over.load(SeqCst) {
                let began = Instant::now();
                match store.add("load", 1).await {
                    Ok(_) => account.acknowledged.fetch_add(1, SeqCst),
                    Err(Failure::NoAnswer) => account.unknown.fetch_add(1, SeqCst),
                    Err(Failure::Busy) => account.refused.fetch_add(1, SeqCst),
                    Err(why) => panic!("{why}"),
                };
                let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                account.longest_micros.fetch_max(micros, SeqCst);
                // A refusal comes at once: without a pause, it would take all of the core.
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    (account, tasks)
}

/// Ends the load, and holds the counter to what was acknowledged: no increment is lost, and none counts
/// twice.
async fn settle(store: &Arc<dyn Store>, account: &Account, mut tasks: JoinSet<()>) {
    account.is_over.store(true, SeqCst);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no task panics");
    }
    // What was sent and not answered may still be under way on a connection that is left.
    let counter = store.counter("load").await.expect("it is back");
    let (acknowledged, unknown) = (account.acknowledged(), account.unknown.load(SeqCst));
    assert!(acknowledged <= counter, "{acknowledged} acknowledged, {counter} there");
    assert!(counter <= acknowledged + unknown, "{counter} > {acknowledged} + {unknown} unknown");
    let longest = Duration::from_micros(account.longest_micros.load(SeqCst));
    assert!(longest < harness::patience(CALL * 20), "a call took {longest:?}");
}

#[tokio::test]
async fn a_redis_that_is_stopped_costs_each_call_its_deadline_and_no_more() {
    let Some((server, _folder)) = redis("--appendonly yes --appendfsync always") else { return };
    let store = in_redis(&server, "stopped", CALL);
    let (account, tasks) = load(&store);
    account.more(20).await;
    server.signal(Signal::SIGSTOP);
    eventually("calls end", async || account.unknown.load(SeqCst) >= 8).await;
    server.signal(Signal::SIGCONT);
    account.more(20).await;
    settle(&store, &account, tasks).await;
}

#[tokio::test]
async fn a_redis_that_is_killed_and_back_has_what_it_acknowledged() {
    let Some((mut server, _folder)) = redis("--appendonly yes --appendfsync always") else {
        return;
    };
    let store = in_redis(&server, "killed", CALL);
    let (account, tasks) = load(&store);
    for _ in 0..3 {
        account.more(20).await;
        server.kill();
        let failed = || account.unknown.load(SeqCst) + account.refused.load(SeqCst);
        let before = failed();
        eventually("calls fail", async || failed() > before).await;
        server.start_again().expect("it starts again");
    }
    account.more(20).await;
    settle(&store, &account, tasks).await;
}

#[tokio::test]
async fn a_subscriber_hears_that_it_may_have_missed_news() {
    let Some((mut server, _folder)) = redis("--appendonly yes --appendfsync always") else {
        return;
    };
    let store = in_redis(&server, "news", CALL * 20);
    let mut changes = store.changes();
    assert_eq!(hear(&mut changes).await, Change::OfAnything);
    store.change("page", "a").await.expect("it changes");
    assert_eq!(hear(&mut changes).await, Change::Of("page".to_owned()));
    server.kill();
    // Its connection has ended: from now on it must not trust what it has.
    assert_eq!(hear(&mut changes).await, Change::OfAnything);
    server.start_again().expect("it starts again");
    // It is connected again: what it reads from now on it may keep.
    assert_eq!(hear(&mut changes).await, Change::OfAnything);
    eventually("a change", async || store.change("page", "b").await.is_ok()).await;
    assert_eq!(hear(&mut changes).await, Change::Of("page".to_owned()));
}
