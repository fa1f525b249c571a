//! How long is too long: one factor for every deadline.

use std::{env, sync::OnceLock, time::Duration};

/// `limit`, as long as this machine needs: multiplied by `CHECK_PATIENCE`, which is 1 by default.
///
/// Deadlines end a wait that would never end; no promise is about being this fast. So they are
/// generous to begin with.
#[must_use]
pub fn patience(limit: Duration) -> Duration {
    limit.mul_f64(factor())
}

/// `CHECK_PATIENCE`, or 1.
#[must_use]
pub fn factor() -> f64 {
    static FACTOR: OnceLock<f64> = OnceLock::new();
    *FACTOR.get_or_init(|| {
        let factor = env::var("CHECK_PATIENCE").ok().and_then(|text| text.parse().ok());
        factor.filter(|factor| (0.1..=100.0).contains(factor)).unwrap_or(1.0)
    })
}
