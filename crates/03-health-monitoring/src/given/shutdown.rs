//! The end, as chapter 02 has it.

use std::process::ExitCode;

use rolling_restart::{given::Intents, shutdown};

use super::{Admin, Config, Workers};

/// Drains every worker, kills who is late, and says how that went: 0 when everything was finished, 1
/// when something was cut off. Operators get a 503 from now on.
pub async fn shut_down(
    config: &Config,
    workers: Workers,
    admin: Admin,
    intents: Intents,
) -> ExitCode {
    drop(admin);
    shutdown::shut_down(config.drain_timeout, workers, intents).await
}
