//! Setting the stage: everything before `primary` has a decision to make.

use std::process::ExitCode;

use cluster_basics::{Cluster, StartError, listener};

use super::{Config, Intents, Workers, worker::worker};

/// Runs `primary`, or the given worker in a process that was started as one.
///
/// The signal handlers are installed first: from then on no signal ends the process by itself.
pub fn run(primary: impl AsyncFnOnce(Config, Workers, Intents) -> ExitCode) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::install()?;
            let port = config.port;
            let listener = listener::bind(port).map_err(|source| StartError::Bind {
                setting: "PORT",
                port,
                source,
            })?;
            let address = listener.local_addr()?;
            let workers = Workers::new(Cluster::new(listener), address, config.limits());
            Ok(primary(config, workers, intents).await)
        },
        worker,
    )
}
