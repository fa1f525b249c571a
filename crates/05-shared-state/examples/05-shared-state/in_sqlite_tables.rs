//! The tables of a store in a file, beside those of the application.

use shared_state::{
    Config,
    rusqlite::{self, Connection},
};

/// What the application's schema does not have: values with a lifetime, and news. A program that does
/// not know these tables still runs on the file.
///
/// News have numbers that are never used again (AUTOINCREMENT), so a reader that was away for long sees
/// that some are missing.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS items (key TEXT PRIMARY KEY, value TEXT NOT NULL, until INTEGER) STRICT;
    CREATE INDEX IF NOT EXISTS items_by_end ON items (until) WHERE until IS NOT NULL;
    CREATE TABLE IF NOT EXISTS news (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL) STRICT;
";

/// Adds those tables to the file of `config`, which was prepared, before the first worker needs them.
pub(crate) fn add_tables(config: &Config) -> rusqlite::Result<()> {
    let database = Connection::open(&config.database)?;
    database.busy_timeout(config.busy_timeout)?;
    database.execute_batch(TABLES)
}
