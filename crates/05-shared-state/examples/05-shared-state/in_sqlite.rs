//! The home `sqlite`: a file in WAL mode, which all processes of one machine have open.
//!
//! Nothing has to be installed, and what was acknowledged outlives every process. One process writes at a
//! time, and the file must lie on a disk of this machine: the index of the WAL is shared memory.
//!
//! What has a lifetime ends at a moment of the machine's clock, which all its processes share. A clock
//! that is set makes a lease longer or shorter. Tokens don't depend on it.

use std::{path::PathBuf, time::Duration};

use futures_util::FutureExt;
use shared_state::{
    Config, Database, Failure, OptionalExtension, Transaction, as_ms, now_ms, params,
    rusqlite::{self, Connection, Row},
};

use crate::{
    in_sqlite_news::listen,
    store::{Changes, Finished, Reply, Store, Token, Version},
};

/// The state in a file, through the connections of this process.
pub(crate) struct InSqlite(Database);

impl InSqlite {
    /// Opens the file of `config` `connections` times.
    pub(crate) fn open(config: &Config, connections: u32) -> Result<Self, Failure> {
        Ok(InSqlite(Database::open(config, connections)?))
    }
}

impl Store for InSqlite {
    fn add(&self, key: &str, by: i64) -> Reply<'_, i64> {
        // One statement. Read, add and write would be three, and in between comes another process.
        const ADD: &str = "INSERT INTO counters VALUES (?1, ?2)
            ON CONFLICT DO UPDATE SET value = value + ?2 RETURNING value";
        let key = key.to_owned();
        self.0
            .write(move |db| db.prepare_cached(ADD)?.query_row(params![key, by], |row| row.get(0)))
            .boxed()
    }

    fn counter(&self, key: &str) -> Reply<'_, i64> {
        const COUNTER: &str = "SELECT value FROM counters WHERE key = ?1";
        let key = key.to_owned();
        let work = move |db: &Transaction| {
            let mut counter = db.prepare_cached(COUNTER)?;
            let number: Option<i64> = counter.query_row([key], |row| row.get(0)).optional()?;
            Ok(number.unwrap_or(0))
        };
        self.0.read(work).boxed()
    }

    fn get(&self, key: &str) -> Reply<'_, Option<String>> {
        let key = key.to_owned();
        self.0.read(move |db| value(db, &key)).boxed()
    }

    fn set(&self, key: &str, value: &str, lifetime: Option<Duration>) -> Reply<'_, ()> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.0.write(move |db| keep(db, &key, &value, lifetime)).boxed()
    }

    fn delete(&self, key: &str) -> Reply<'_, bool> {
        const DELETE: &str =
            "DELETE FROM items WHERE key = ?1 RETURNING until IS NULL OR until > ?2";
        let key = key.to_owned();
        let work = move |db: &Transaction| {
            let mut delete = db.prepare_cached(DELETE)?;
            let was_alive =
                delete.query_row(params![key, now_ms()], |row| row.get(0)).optional()?;
            Ok(was_alive.unwrap_or(false))
        };
        self.0.write(work).boxed()
    }

    fn swap(
        &self,
        key: &str,
        expected: Option<&str>,
        value_: &str,
        lifetime: Option<Duration>,
    ) -> Reply<'_, bool> {
        let (key, expected) = (key.to_owned(), expected.map(str::to_owned));
        let new = value_.to_owned();
        let work = move |db: &Transaction| {
            let is_expected = value(db, &key)? == expected;
            if is_expected {
                keep(db, &key, &new, lifetime)?;
            }
            Ok(is_expected)
        };
        self.0.write(work).boxed()
    }

    fn lock(&self, name: &str, lease: Duration) -> Reply<'_, Option<Token>> {
        // The row stays when the lock is free: its token must never begin at 1 again.
        const LOCK: &str = "INSERT INTO jobs (name, token, until) VALUES (?1, 1, ?2)
            ON CONFLICT DO UPDATE SET token = token + 1, until = ?2 WHERE until <= ?3
            RETURNING token";
        let name = name.to_owned();
        let work = move |db: &Transaction| {
            let now = now_ms();
            let mut lock = db.prepare_cached(LOCK)?;
            let token = |row: &Row| row.get(0).map(Token);
            lock.query_row(params![name, now + as_ms(lease), now], token).optional()
        };
        self.0.write(work).boxed()
    }

    fn finish(&self, name: &str, token: Token, result: Option<&str>) -> Reply<'_, bool> {
        const FINISH: &str = "UPDATE jobs SET until = 0, result = coalesce(?3, result),
            done = iif(?3 IS NULL, done, token) WHERE name = ?1 AND token = ?2";
        let (name, result) = (name.to_owned(), result.map(str::to_owned));
        let work = move |db: &Transaction| {
            Ok(db.prepare_cached(FINISH)?.execute(params![name, token.0, result])? == 1)
        };
        self.0.write(work).boxed()
    }

    fn finished(&self, name: &str) -> Reply<'_, Option<Finished>> {
        const FINISHED: &str = "SELECT done, result FROM jobs WHERE name = ?1 AND done IS NOT NULL";
        let name = name.to_owned();
        let work = move |db: &Transaction| {
            let mut finished = db.prepare_cached(FINISHED)?;
            let read = |row: &Row| Ok(Finished { token: Token(row.get(0)?), result: row.get(1)? });
            finished.query_row([name], read).optional()
        };
        self.0.read(work).boxed()
    }

    fn change(&self, key: &str, value: &str) -> Reply<'_, i64> {
        const CHANGE: &str = "INSERT INTO config VALUES (?1, ?2, 1)
            ON CONFLICT DO UPDATE SET version = version + 1, value = ?2 RETURNING version";
        // News of a change that is rolled back would be news of nothing: both in one transaction.
        const TELL: &str = "INSERT INTO news (key) VALUES (?1) RETURNING number";
        const FORGET: &str = "DELETE FROM news WHERE number <= ?1 - 1000";
        let (key, value) = (key.to_owned(), value.to_owned());
        let work = move |db: &Transaction| {
            let number = db
                .prepare_cached(CHANGE)?
                .query_row(params![key, value], |row| row.get::<_, i64>(0))?;
            let told = db.prepare_cached(TELL)?.query_row([key], |row| row.get::<_, i64>(0))?;
            db.prepare_cached(FORGET)?.execute([told])?;
            Ok(number)
        };
        self.0.write(work).boxed()
    }

    fn current(&self, key: &str) -> Reply<'_, Option<Version>> {
        const CURRENT: &str = "SELECT version, value FROM config WHERE key = ?1";
        let key = key.to_owned();
        let work = move |db: &Transaction| {
            let read = |row: &Row| Ok(Version { number: row.get(0)?, value: row.get(1)? });
            db.prepare_cached(CURRENT)?.query_row([key], read).optional()
        };
        self.0.read(work).boxed()
    }

    fn backup(&self, file: PathBuf) -> Reply<'_, ()> {
        self.0.backup(file).boxed()
    }

    fn changes(&self) -> Changes {
        listen(self.0.clone())
    }
}

fn value(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    const GET: &str = "SELECT value FROM items WHERE key = ?1 AND (until IS NULL OR until > ?2)";
    db.prepare_cached(GET)?.query_row(params![key, now_ms()], |row| row.get(0)).optional()
}

fn keep(
    db: &Connection,
    key: &str,
    value: &str,
    lifetime: Option<Duration>,
) -> rusqlite::Result<()> {
    // What is over is never read, but it would stay forever. Two for each new one, so that a single
    // write never pays for thousands.
    const SWEEP: &str = "DELETE FROM items WHERE key IN
        (SELECT key FROM items WHERE until <= ?1 ORDER BY until LIMIT 2)";
    const SET: &str = "INSERT OR REPLACE INTO items VALUES (?1, ?2, ?3)";
    let now = now_ms();
    db.prepare_cached(SWEEP)?.execute([now])?;
    let until = lifetime.map(|lifetime| now + as_ms(lifetime));
    db.prepare_cached(SET)?.execute(params![key, value, until])?;
    Ok(())
}
