//! Everything before `primary` and `worker` have a decision to make.

use std::process::ExitCode;

use cluster_basics::Worker;
use supervisor::{Server, Signals};

use crate::{
    Config, FromWorker, Journal, Primary, Workers,
    routes::{self, Site},
};

/// Runs `primary`, or `worker` in a process that was started as one.
///
/// Both install the signal streams first: from then on SIGTERM, SIGINT and SIGHUP don't end the process
/// by themselves.
pub fn run(
    primary: impl AsyncFnOnce(Config, Workers, Signals) -> ExitCode,
    worker: impl AsyncFnOnce(Server, Journal, Primary, Signals) -> ExitCode,
) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let signals = Signals::install()?;
            let workers = Workers::listen(config.shared)?;
            Ok(primary(config, workers, signals).await)
        },
        async |place: Worker<_, _>| {
            let signals = Signals::install()?;
            let journal = Journal::new(Config::from_env()?.journal);
            let site = Site { slot: place.slot, journal: journal.clone() };
            let server = Server::start(place.listener, move |request, is_ready| {
                routes::respond(site.clone(), request, is_ready)
            });
            let mut primary = Primary { sender: place.sender, receiver: place.receiver };
            primary.tell(FromWorker::Ready).await;
            Ok(worker(server, journal, primary, signals).await)
        },
    )
}
