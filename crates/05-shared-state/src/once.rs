//! One load of a page for the whole cluster.
//!
//! The table `loads` has a row for the load that is under way. The worker that writes the row loads; the
//! others wait for its end, and for its lease at most: a worker that dies must not take the page along.

use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};
use tokio::time::sleep;

use crate::{Database, Failure, as_ms, now_ms};

/// How often a worker looks whether the load of another one is over.
const LOOK: Duration = Duration::from_millis(20);

/// What a worker finds.
enum Found {
    /// It loads, and this is its token.
    Mine(i64),
    /// Another worker loads, with this token.
    Others(i64),
}

/// Loads a page, given by its key and its value, unless another worker does so.
pub(crate) async fn once(
    db: &Database,
    (key, value): (&str, &str),
    lease: Duration,
    load: impl AsyncFnOnce() -> Result<String, Failure>,
) -> Result<String, Failure> {
    let token = loop {
        match claim(db, key, value, lease).await? {
            Found::Mine(token) => break token,
            Found::Others(token) => {
                if let Some(page) = wait(db, key, value, token).await? {
                    return Ok(page);
                }
            }
        }
    };
    let loaded = load().await;
    let (key, value, page) = (key.to_owned(), value.to_owned(), loaded.clone().ok());
    let end = move |tx: &Transaction| {
        let sql = "UPDATE loads SET until = 0, page = ?4
                   WHERE key = ?1 AND value = ?2 AND token = ?3";
        tx.execute(sql, params![key, value, token, page])
    };
    // If the database is locked for too long, the lease ends by itself.
    let _ = db.write(end).await;
    loaded
}

/// A load of another value is another load.
async fn claim(db: &Database, key: &str, value: &str, lease: Duration) -> Result<Found, Failure> {
    let (key, value, lease) = (key.to_owned(), value.to_owned(), as_ms(lease));
    let claim = move |tx: &Transaction| {
        let others = "DELETE FROM loads WHERE key = ?1 AND value <> ?2 AND until <= ?3";
        tx.execute(others, params![key, value, now_ms()])?;
        let sql = "INSERT INTO loads (key, value, token, until) VALUES (?1, ?2, 1, ?3 + ?4)
                   ON CONFLICT DO UPDATE SET token = token + 1, until = excluded.until, page = NULL
                   WHERE until <= ?3 RETURNING token";
        let token = |row: &rusqlite::Row| row.get(0);
        let mine = tx.query_row(sql, params![key, value, now_ms(), lease], token).optional()?;
        if let Some(token) = mine {
            return Ok(Found::Mine(token));
        }
        let sql = "SELECT token FROM loads WHERE key = ?1 AND value = ?2";
        tx.query_row(sql, params![key, value], token).map(Found::Others)
    };
    db.write(claim).await
}

/// Waits until the load with this token has come to an end; `None` if no page came of it.
async fn wait(
    db: &Database,
    key: &str,
    value: &str,
    token: i64,
) -> Result<Option<String>, Failure> {
    loop {
        let (key, value) = (key.to_owned(), value.to_owned());
        let look = move |tx: &Transaction| {
            let sql = "SELECT until > ?4, page FROM loads
                       WHERE key = ?1 AND value = ?2 AND token = ?3";
            let values = params![key, value, token, now_ms()];
            tx.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        };
        match db.read(look).await? {
            Some((true, _)) => sleep(LOOK).await,
            Some((false, page)) => return Ok(page),
            // There is a newer load, or one of another value.
            None => return Ok(None),
        }
    }
}
