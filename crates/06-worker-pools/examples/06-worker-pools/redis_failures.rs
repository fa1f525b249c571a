//! The deadline around a call to Redis, and what its errors mean: was it done, or not?

use std::time::Duration;

use redis::{ErrorKind, RedisError};
use tokio::time::timeout;

/// Why a call to Redis has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing was done.
    #[error("Redis can't be reached, or refuses: {0}")]
    NotDone(String),
    /// Perhaps it was done.
    #[error("Redis has not answered in time")]
    Unknown,
}

impl From<&RedisError> for Failure {
    fn from(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Io if !error.is_connection_refusal() => Failure::Unknown,
            // A refused connection, or an answer that says what is wrong.
            _ => Failure::NotDone(error.to_string()),
        }
    }
}

/// The result of `call`, unless it takes longer than `limit`: a server that is stopped never says so.
pub(crate) async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Failure> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| Failure::from(&error)),
        Err(_) => Err(Failure::Unknown),
    }
}
