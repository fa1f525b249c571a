//! Moments that processes can compare, also after a restart.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now, in milliseconds since 1970, as the database keeps moments. All processes of one machine read the same
/// clock. An operator can set it back, so nothing that must only grow is made of it.
#[must_use]
pub fn now_ms() -> i64 {
    as_ms(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in the same unit.
#[must_use]
pub fn as_ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
