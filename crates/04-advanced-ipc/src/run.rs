//! Everything before `primary` and `messaging` have a decision to make.

use std::process::ExitCode;

use supervisor::{Intents, Signals, run_worker};

use crate::{
    Config, Messaging, Workers,
    link::Link,
    office::{Office, Place},
};

/// Runs `primary`; or, in a process that was started as one, a worker that sends its calls through what
/// `messaging` makes.
///
/// Before `primary` runs, the handlers of SIGTERM, SIGINT and SIGHUP are installed: from then on none
/// of these signals ends the process by itself.
pub fn run<M: Messaging>(
    primary: impl AsyncFnOnce(Config, Workers, Intents) -> ExitCode,
    messaging: fn(Link, Place) -> M,
) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::new(Signals::install()?);
            Ok(primary(config, Workers::listen(config.shared)?, intents).await)
        },
        async |place| {
            let office = Office::new(place.slot, Config::from_env()?, messaging);
            run_worker(place, None, office).await
        },
    )
}
