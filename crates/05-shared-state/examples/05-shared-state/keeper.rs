//! What the primary has of the state: all of it, a file that it has prepared, or nothing.

use std::time::Instant;

use cluster_basics::config::ConfigError;
use serde_json::Value;
use shared_state::{Config, Keeper, Prepared, StartError, Worker, prepare};

use crate::{
    home::Home, in_sqlite_tables::add_tables, memory::Memory, open::for_calls, telling::Telling,
};

/// The primary's part.
pub(crate) enum Kept {
    /// The home `primary`.
    Memory(Box<Memory>),
    /// The home `sqlite`. While the primary has the file open, the last worker that ends does not take
    /// the WAL away from the next one.
    File(#[expect(dead_code, reason = "it is open, and that is all")] Prepared),
    /// The home `redis`: another program keeps it.
    Elsewhere,
}

impl Kept {
    /// Makes the home ready for the first worker, or says why it can't be.
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        Telling::from_env()?;
        match Home::from_env(config)? {
            Home::Primary => Ok(Kept::Memory(Box::default())),
            Home::Sqlite(path) => {
                let config = Config { database: path, ..config.clone() };
                let prepared = prepare(&config)?;
                add_tables(&config).map_err(std::io::Error::other)?;
                Ok(Kept::File(prepared))
            }
            Home::Redis { .. } if for_calls(config) == 0 => {
                const WANTED: &str = "two for each worker, and one more, with this STORE";
                let connections = config.db_connections.to_string();
                Err(ConfigError::new("DB_CONNECTIONS", connections, WANTED).into())
            }
            Home::Redis { .. } | Home::Worker => Ok(Kept::Elsewhere),
        }
    }
}

impl Keeper for Kept {
    fn asked(&mut self, _from: &Worker, question: Value) -> Value {
        match (self, serde_json::from_value(question)) {
            (Kept::Memory(memory), Ok(ask)) => memory.answer(ask, Instant::now()),
            // No worker of this program asks so.
            (Kept::Memory(_) | Kept::File(_) | Kept::Elsewhere, _) => Value::Null,
        }
    }
}
