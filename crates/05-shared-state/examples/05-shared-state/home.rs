//! Where the state lies: what `STORE` says.

use std::{env, path::PathBuf};

use cluster_basics::config::ConfigError;
use shared_state::Config;
use url::Url;

/// Before each key of a Redis that says no other prefix.
const PREFIX: &str = "workbook";

/// One of the three homes, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// The memory of each worker: nothing is shared. The tour begins with this mistake.
    Worker,
    /// The memory of the primary.
    Primary,
    /// A file.
    Sqlite(PathBuf),
    /// A server.
    Redis {
        /// Its address, as the client wants it.
        address: String,
        /// Before each key.
        prefix: String,
    },
}

impl Home {
    /// Reads `STORE`. Without it the state lies in the file `DATABASE`.
    pub(crate) fn from_env(config: &Config) -> Result<Self, ConfigError> {
        const WANTED: &str = "primary, sqlite:PATH, or redis://HOST:PORT";
        let Some(store) = env::var_os("STORE") else {
            return Ok(Home::Sqlite(config.database.clone()));
        };
        let store = store.to_string_lossy().into_owned();
        Home::parse(&store)
            .ok_or_else(|| ConfigError::new("STORE", store, WANTED).by_default("the file DATABASE"))
    }

    /// The home that `store` names.
    pub(crate) fn parse(store: &str) -> Option<Self> {
        match store {
            "worker" => return Some(Home::Worker),
            "primary" => return Some(Home::Primary),
            _ => {}
        }
        if let Some(path) = store.strip_prefix("sqlite:") {
            return (!path.is_empty()).then(|| Home::Sqlite(path.into()));
        }
        let mut url = Url::parse(store).ok().filter(|url| url.scheme() == "redis")?;
        url.host()?;
        let prefix = url.query_pairs().find(|(name, _)| name == "prefix");
        let prefix = prefix.map_or_else(|| PREFIX.to_owned(), |(_, prefix)| prefix.into_owned());
        url.set_query(None);
        Some(Home::Redis { address: url.into(), prefix: format!("{prefix}:") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_redis(store: &str, address: &str, prefix: &str) {
        let (address, prefix) = (address.to_owned(), prefix.to_owned());
        assert_eq!(Home::parse(store), Some(Home::Redis { address, prefix }), "{store}");
    }

    #[test]
    fn each_home_has_a_name() {
        assert_eq!(Home::parse("primary"), Some(Home::Primary));
        assert_eq!(Home::parse("sqlite:/a/b.db"), Some(Home::Sqlite("/a/b.db".into())));
        let plain = "redis://127.0.0.1:6379/";
        is_redis(plain, plain, "workbook:");
        is_redis("redis://host:1/2?prefix=shop", "redis://host:1/2", "shop:");
    }

    #[test]
    fn anything_else_is_none() {
        for store in ["", "sqlite:", "redis:", "mysql://host", "the primary"] {
            assert_eq!(Home::parse(store), None, "{store}");
        }
    }
}
