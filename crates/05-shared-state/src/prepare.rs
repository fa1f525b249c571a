//! The database file, before any worker opens it: made, or looked at and refused.
//!
//! The primary prepares it alone. Processes that make the same file at once can fail with "locked" in
//! spite of a busy timeout, because the change to WAL needs the file for itself.

use std::time::Duration;

use cluster_basics::{StartError, config::ConfigError};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use crate::{Config, primary::Keeper};

/// Marks a database as one of this chapter (`PRAGMA application_id`).
const APPLICATION: i32 = 0x636c_7573;
/// The tables that this program knows (`PRAGMA user_version`).
const SCHEMA_VERSION: i32 = 2;
/// How long the primary waits for the last process of an earlier run.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

const SCHEMA: &str = "
CREATE TABLE counters (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, born INTEGER NOT NULL, used INTEGER NOT NULL
) STRICT;
CREATE TABLE carts (
    session TEXT NOT NULL REFERENCES sessions ON DELETE CASCADE, item TEXT NOT NULL
) STRICT;
CREATE INDEX carts_by_session ON carts (session);
CREATE TABLE config (key TEXT PRIMARY KEY, value TEXT NOT NULL, version INTEGER NOT NULL) STRICT;
CREATE TABLE jobs (
    name TEXT PRIMARY KEY, token INTEGER NOT NULL, until INTEGER NOT NULL,
    done INTEGER, result TEXT
) STRICT;
";

/// What version 2 has more. A file of version 1 gets it when it is opened.
const SINCE_2: &str = "
CREATE TABLE loads (
    key TEXT NOT NULL, value TEXT NOT NULL, token INTEGER NOT NULL, until INTEGER NOT NULL,
    page TEXT, PRIMARY KEY (key, value)
) STRICT;
";

/// The primary's own connection. While it is open, the last worker that ends does not remove the WAL, and
/// no worker that starts meets that moment.
pub struct Prepared(#[expect(dead_code, reason = "it is open, and that is all")] Connection);

impl Keeper for Prepared {}

/// Makes the database of `config`, or looks whether the file that is there is one of this program.
///
/// # Errors
/// When it is damaged, newer, or of another program. Not one byte of it is changed then.
pub fn prepare(config: &Config) -> Result<Prepared, StartError> {
    let refused = |wanted| {
        let path = config.database.to_string_lossy().into_owned();
        ConfigError::new("DATABASE", path, wanted).by_default("state.db in TMPDIR")
    };
    match open(config) {
        Ok(Found::Ours(connection)) => Ok(Prepared(connection)),
        Ok(Found::Newer) => {
            Err(refused("a file that no newer version of this program wrote").into())
        }
        Ok(Found::Foreign) => Err(refused("a file of this program, or a new one").into()),
        Ok(Found::Damaged) | Err(_) => {
            Err(refused("a whole database that can be written, or a new file").into())
        }
    }
}

enum Found {
    Ours(Connection),
    Foreign,
    Newer,
    Damaged,
}

fn open(config: &Config) -> rusqlite::Result<Found> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut connection = Connection::open_with_flags(&config.database, flags)?;
    connection.busy_timeout(OPEN_LIMIT)?;
    // Until we know that the file is ours, closing it must not move the WAL into it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        make(&mut connection)?;
    }
    let application: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let health: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if application != APPLICATION {
        return Ok(Found::Foreign);
    }
    if version > SCHEMA_VERSION {
        return Ok(Found::Newer);
    }
    if health != "ok" {
        return Ok(Found::Damaged);
    }
    // It is ours. A backup is not in WAL mode.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    if version < SCHEMA_VERSION {
        expand(&mut connection)?;
    }
    Ok(Found::Ours(connection))
}

fn make(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(SINCE_2)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}

fn expand(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(SINCE_2)?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}
