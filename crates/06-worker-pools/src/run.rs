//! Everything before there is a decision to make.

use std::process::ExitCode;

use cluster_basics::StartError;
use supervisor::{Intents, Server, Signals};
use tokio::sync::mpsc;

use crate::{
    Config, Spool,
    pool::{Place, TaskPool},
    primary::Primary,
    routes,
    talk::Workers,
    worker,
};

/// Questions that wait for the primary. Further clients wait for a place.
const QUESTIONS: usize = 64;

/// Runs a primary that has the pool `new`; or, in a process that was started as one, the given worker.
pub fn run<P: TaskPool>(new: fn(Place) -> P) -> ExitCode {
    run_with(|config| {
        let (spool, recovered) = Spool::open(&config.spool)?;
        Ok(new(Place { config, spool, recovered }))
    })
}

/// The same with a pool whose tasks may lie elsewhere.
pub fn run_with<P: TaskPool>(open: impl FnOnce(Config) -> Result<P, StartError>) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::new(Signals::install()?);
            let pool = open(config.clone())?;
            let workers = Workers::listen(config.shared)?;
            let (ask, questions) = mpsc::channel(QUESTIONS);
            let listener = workers.listener()?;
            let server =
                Server::start(listener, move |request, _| routes::respond(ask.clone(), request));
            Ok(Primary::new(config, pool, questions).run(server, workers, intents).await)
        },
        async |place| worker::work(place, Config::from_env()?).await,
    )
}
