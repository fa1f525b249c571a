//! The home `primary`: each operation is a call to the primary, which keeps the state.
//!
//! Nothing has to be installed, and a lock lives exactly as long as the cluster. But the state goes with
//! the primary, and the primary works for every request of every worker. Tokens begin at 1 again with the
//! next primary, so only what goes with it, too, may rely on them.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_state::Failure;
use tokio::sync::broadcast::{self, error::RecvError};

use crate::{
    memory::Ask,
    store::{Change, Changes, Finished, Reply, Store, Token, Version},
};

/// How a worker asks its primary.
pub(crate) type Call = Arc<dyn Fn(Ask) -> BoxFuture<'static, Result<Value, Failure>> + Send + Sync>;

/// The state that the primary keeps, seen from one worker.
pub(crate) struct InPrimary {
    call: Call,
    /// Keys of which the primary has told that they have changed.
    news: broadcast::Sender<String>,
}

impl InPrimary {
    /// Asks through `call`, and hears of changes from `news`.
    pub(crate) fn new(call: Call, news: broadcast::Sender<String>) -> Self {
        InPrimary { call, news }
    }

    fn ask<T: DeserializeOwned>(&self, ask: Ask) -> Reply<'_, T> {
        let answer = (self.call)(ask);
        async move {
            serde_json::from_value(answer.await?)
                .map_err(|error| Failure::Broken(format!("the primary's answer: {error}")))
        }
        .boxed()
    }
}

impl Store for InPrimary {
    fn add(&self, key: &str, by: i64) -> Reply<'_, i64> {
        self.ask(Ask::Add { key: key.to_owned(), by })
    }

    fn counter(&self, key: &str) -> Reply<'_, i64> {
        self.ask(Ask::Counter { key: key.to_owned() })
    }

    fn get(&self, key: &str) -> Reply<'_, Option<String>> {
        self.ask(Ask::Get { key: key.to_owned() })
    }

    fn set(&self, key: &str, value: &str, lifetime: Option<Duration>) -> Reply<'_, ()> {
        self.ask(Ask::Set { key: key.to_owned(), value: value.to_owned(), lifetime })
    }

    fn delete(&self, key: &str) -> Reply<'_, bool> {
        self.ask(Ask::Delete { key: key.to_owned() })
    }

    fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value: &str,
        lifetime: Option<Duration>,
    ) -> Reply<'_, bool> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.ask(Ask::Swap { key, expected: expected.map(str::to_owned), value, lifetime })
    }

    fn lock(&self, name: &str, lease: Duration) -> Reply<'_, Option<Token>> {
        self.ask(Ask::Lock { name: name.to_owned(), lease })
    }

    fn finish(&self, name: &str, token: Token, result: Option<&str>) -> Reply<'_, bool> {
        let (name, result) = (name.to_owned(), result.map(str::to_owned));
        self.ask(Ask::Finish { name, token, result })
    }

    fn finished(&self, name: &str) -> Reply<'_, Option<Finished>> {
        self.ask(Ask::Finished { name: name.to_owned() })
    }

    fn change(&self, key: &str, value: &str) -> Reply<'_, i64> {
        self.ask(Ask::Change { key: key.to_owned(), value: value.to_owned() })
    }

    fn current(&self, key: &str) -> Reply<'_, Option<Version>> {
        self.ask(Ask::Current { key: key.to_owned() })
    }

    fn changes(&self) -> Changes {
        let (told, changes) = Changes::channel();
        let mut news = self.news.subscribe();
        tokio::spawn(async move {
            let mut change = Change::OfAnything;
            while told.send(change).await.is_ok() {
                let heard = tokio::select! {
                    heard = news.recv() => heard,
                    () = told.closed() => return,
                };
                change = match heard {
                    Ok(key) => Change::Of(key),
                    Err(RecvError::Lagged(_)) => Change::OfAnything,
                    Err(RecvError::Closed) => return,
                };
            }
        });
        changes
    }
}
