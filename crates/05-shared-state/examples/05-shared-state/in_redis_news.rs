//! News of changes from Redis, on a connection of its own.
//!
//! Redis tells each subscriber once, and only while it is connected. So a connection that is gone means
//! that news may be missing: the subscriber hears of it when the connection ends, and again when there
//! is the next one. Only then is what it read before trustworthy again.

use std::{pin::pin, time::Duration};

use futures_util::StreamExt;
use redis::{Client, RedisError, aio::PubSub};
use tokio::{
    sync::mpsc,
    time::{interval, sleep, timeout},
};

use crate::store::{Change, Changes};

/// How long until a connection is tried again.
const PAUSE: Duration = Duration::from_millis(100);
/// A connection whose other end is gone without a word is silent, and so is one without news. A ping
/// tells them apart.
const PING: Duration = Duration::from_secs(1);

/// Hears of changes in `channel` until its subscriber is gone.
pub(crate) fn listen(client: Client, channel: String, limit: Duration) -> Changes {
    let (told, changes) = Changes::channel();
    tokio::spawn(async move {
        while !told.is_closed() {
            if let Ok(Ok(connection)) = timeout(limit, subscribe(&client, &channel)).await {
                if told.send(Change::OfAnything).await.is_err() {
                    return;
                }
                hear(connection, &told, limit).await;
                if told.send(Change::OfAnything).await.is_err() {
                    return;
                }
            }
            sleep(PAUSE).await;
        }
    });
    changes
}

async fn subscribe(client: &Client, channel: &str) -> Result<PubSub, RedisError> {
    let mut connection = client.get_async_pubsub().await?;
    // It returns once Redis has confirmed it: from then on no change is missed.
    connection.subscribe(channel).await?;
    Ok(connection)
}

/// Passes on what comes, until the connection or the subscriber is gone.
async fn hear(connection: PubSub, told: &mpsc::Sender<Change>, limit: Duration) {
    let (mut pings, news) = connection.split();
    let ping = async {
        let mut ticks = interval(PING);
        loop {
            ticks.tick().await;
            if !matches!(timeout(limit, pings.ping::<redis::Value>()).await, Ok(Ok(_))) {
                return;
            }
        }
    };
    let pass_on = async {
        let mut news = pin!(news);
        while let Some(message) = news.next().await {
            let Ok(key) = message.get_payload() else { return };
            if told.send(Change::Of(key)).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = ping => {}
        () = pass_on => {}
        () = told.closed() => {}
    }
}
