//! The deadline around a call to Redis, and what its errors mean: was it done, or not?

use std::time::Duration;

use redis::{ErrorKind, RedisError};
use shared_state::Failure;
use tokio::time::timeout;

/// The deadline around a call: a server that is stopped never says that it is.
pub(crate) async fn in_time<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, RedisError>>,
) -> Result<T, Failure> {
    match timeout(limit, call).await {
        Ok(answer) => answer.map_err(|error| explain(&error)),
        Err(_) => Err(Failure::NoAnswer),
    }
}

fn explain(error: &RedisError) -> Failure {
    match error.kind() {
        // No connection, so nothing was sent.
        ErrorKind::Io if error.is_connection_refusal() => Failure::Busy,
        ErrorKind::Io => Failure::NoAnswer,
        // It loads its file, has too many clients, or is out of memory: it says so before it begins.
        ErrorKind::Server(_) | ErrorKind::Extension if is_refusal(error) => Failure::Busy,
        _ => Failure::Broken(error.to_string()),
    }
}

fn is_refusal(error: &RedisError) -> bool {
    let code = error.code().unwrap_or_default();
    matches!(code, "LOADING" | "BUSY" | "OOM" | "TRYAGAIN" | "MASTERDOWN")
        || error.to_string().contains("max number of clients")
}
