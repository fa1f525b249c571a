//! Everything before `primary` has a decision to make.

use std::process::ExitCode;

use supervisor::run_worker;

use crate::{Config, Intents, Workers, service::RollService};

/// Runs `primary`, or the given worker in a process that was started as one.
///
/// Before `primary` runs, the handlers of SIGTERM, SIGINT, SIGHUP and SIGUSR2 are installed: from
/// then on these signals don't end the process by themselves.
pub fn run(primary: impl AsyncFnOnce(Config, Workers, Intents) -> ExitCode) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::install()?;
            let workers = Workers::listen(config.shared)?.min_ready(config.min_ready);
            Ok(primary(config, workers, intents).await)
        },
        async |place| {
            let config = Config::from_env()?;
            let service = RollService::new(place.slot);
            let fault = config.faults.of(service.version, place.slot);
            run_worker(place, fault, service).await
        },
    )
}
