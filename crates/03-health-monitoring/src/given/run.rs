//! Setting the stage: everything before `primary` and `beat` have a decision to make.

use std::process::ExitCode;

use cluster_basics::{Cluster, StartError, listener};
use rolling_restart::given::Intents;

use super::{Admin, Config, Heart, Workers, worker::worker};

/// Runs `primary`; or, in a process that was started as one, the given worker, and `beat` on the
/// loop that serves its requests.
///
/// The signal handlers are installed first: from then on no signal ends the process by itself.
pub fn run(
    primary: impl AsyncFnOnce(Config, Workers, Admin, Intents) -> ExitCode,
    beat: impl AsyncFnOnce(Heart),
) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::install()?;
            let listener = bind("PORT", config.port)?;
            let admin = bind("ADMIN_PORT", config.admin_port)?;
            let address = listener.local_addr()?;
            let mut workers = Workers::new(Cluster::new(listener), address, config.limits());
            workers.admin = Some(admin.local_addr()?);
            Ok(primary(config, workers, Admin::start(admin), intents).await)
        },
        async |place| worker(place, beat).await,
    )
}

fn bind(setting: &'static str, port: u16) -> Result<std::net::TcpListener, StartError> {
    listener::bind(port).map_err(|source| StartError::Bind { setting, port, source })
}
