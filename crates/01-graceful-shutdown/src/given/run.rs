//! Setting the stage: everything before `primary` and `worker` have a decision to make.

use std::process::ExitCode;

use cluster_basics::{Cluster, StartError, Worker, listener};

use super::{
    Config, FromWorker, Journal, Primary, Server, Signals, Workers,
    routes::{self, Place},
};

/// Runs `primary`, or `worker` in a process that was started as one.
///
/// In both the signal streams are installed first: from then on neither SIGTERM nor SIGINT ends
/// the process by itself.
pub fn run(
    primary: impl AsyncFnOnce(Config, Workers, Signals) -> Result<ExitCode, StartError>,
    worker: impl AsyncFnOnce(Server, Journal, Primary, Signals) -> ExitCode,
) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let signals = Signals::install()?;
            let port = config.port;
            let listener = listener::bind(port).map_err(|source| StartError::Bind {
                setting: "PORT",
                port,
                source,
            })?;
            let address = listener.local_addr()?;
            primary(config, Workers::new(Cluster::new(listener), address), signals).await
        },
        async |place: Worker<_, _>| {
            let signals = Signals::install()?;
            let journal = Journal::new(Config::from_env()?.journal);
            let site = Place { worker: place.id, journal: journal.clone() };
            let server = Server::start(place.listener, move |request, is_ready| {
                routes::respond(site.clone(), request, is_ready)
            });
            let mut primary = Primary { sender: place.sender, receiver: place.receiver };
            primary.tell(FromWorker::Ready).await;
            Ok(worker(server, journal, primary, signals).await)
        },
    )
}
