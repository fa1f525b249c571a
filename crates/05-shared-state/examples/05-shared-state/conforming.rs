//! Each home, judged by the one conformance suite.

use std::{
    io::Write,
    num::NonZero,
    sync::{Arc, Mutex, Once, PoisonError},
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use harness::RedisServer;
use serde_json::Value;
use shared_state::{Config, prepare};
use tempfile::TempDir;
use tokio::sync::broadcast;

use crate::{
    conformance::{Pair, conforms},
    home::Home,
    in_primary::{Call, InPrimary},
    in_redis::InRedis,
    in_sqlite::InSqlite,
    in_sqlite_tables::add_tables,
    memory::{Ask, Memory},
    store::Store,
};

const LIMIT: Duration = Duration::from_secs(20);

/// Two ways to one memory. What is asked and answered is written as JSON, as it is on a channel.
fn in_primary() -> Pair {
    let memory = Arc::new(Mutex::new(Memory::default()));
    let news = broadcast::Sender::new(64);
    let told = news.clone();
    let call: Call = Arc::new(move |ask: Ask| {
        let travelled: Ask = travel(&ask);
        let changed = match &travelled {
            Ask::Change { key, .. } => Some(key.clone()),
            _ => None,
        };
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let answer: Value = travel(&memory.answer(travelled, Instant::now()));
        if let Some(key) = changed {
            let _ = told.send(key);
        }
        async move { Ok(answer) }.boxed()
    });
    let way = || Arc::new(InPrimary::new(call.clone(), news.clone()));
    Pair { one: way(), other: way() }
}

fn travel<T: serde::Serialize, U: serde::de::DeserializeOwned>(sent: &T) -> U {
    let text = serde_json::to_string(sent).expect("it can be written");
    serde_json::from_str(&text).expect("it can be read")
}

#[tokio::test]
async fn the_primary_conforms() {
    conforms(&in_primary()).await;
}

#[tokio::test]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("state.db");
    let settings = Config::from_env().expect("no setting is wrong");
    let config = Config { database, busy_timeout: LIMIT, ..settings };
    let _kept = prepare(&config).expect("a new file");
    add_tables(&config).expect("a file that was prepared");
    let way = |connections| {
        let opened = InSqlite::open(&config, connections);
        Arc::new(opened.expect("a file that was prepared"))
    };
    // One of the two has a single connection, which reads and writes.
    conforms(&Pair { one: way(3), other: way(1) }).await;
}

/// A server of our own and its folder; `None`, and a line that says why, where there is none.
pub(crate) fn redis(settings: &str) -> Option<(RedisServer, TempDir)> {
    static SAID: Once = Once::new();
    if let Some(why) = RedisServer::missing() {
        // Not `eprintln`: a test that passes shows nothing of that.
        SAID.call_once(|| drop(writeln!(std::io::stderr(), "tests of the home redis: {why}")));
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = RedisServer::start(folder.path(), settings).expect("it starts");
    Some((server, folder))
}

/// One way to the state under `prefix`.
pub(crate) fn in_redis(server: &RedisServer, prefix: &str, limit: Duration) -> Arc<dyn Store> {
    let Some(Home::Redis { address, prefix }) = Home::parse(&server.url(prefix)) else {
        panic!("it is a Redis");
    };
    let connections = NonZero::<usize>::MIN;
    Arc::new(InRedis::open(&address, &prefix, connections, limit).expect("an address"))
}

fn redis_pair(server: &RedisServer, prefix: &str) -> Pair {
    let way = || in_redis(server, prefix, LIMIT);
    Pair { one: way(), other: way() }
}

#[tokio::test]
async fn redis_conforms() {
    if let Some((server, _folder)) = redis("--save ''") {
        conforms(&redis_pair(&server, "one")).await;
    }
}

#[tokio::test]
async fn two_clusters_on_one_redis_do_not_meet() {
    let Some((server, _folder)) = redis("") else { return };
    let (one, two) = (redis_pair(&server, "one"), redis_pair(&server, "two"));
    // Each expects that no other process writes its keys, and hears of no change but its own.
    tokio::join!(conforms(&one), conforms(&two));
}
