//! Everything before there is a decision to make.

use std::process::ExitCode;

use cluster_basics::{StartError, listener};
use events::Slot;
use supervisor::{Intents, Signals, run_worker};

use crate::{
    Config, DeployLog, Deploys, Place, Split,
    admin::Admin,
    candidate,
    primary::Primary,
    routes::{Site, own_version},
    stable::Stable,
    talk::Workers,
};

/// Whether the candidate answers a request, from the split, the client's name for itself, and the number of
/// this request among those without a name.
pub type Choose = fn(&Split, Option<&str>, u64) -> bool;

/// Runs a primary that has the deploys `new`; or, in a process that was started as one, the given worker, which
/// chooses by `choose`.
pub fn run<D: Deploys>(choose: Choose, new: fn(Place) -> D) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::new(Signals::install()?);
            // Both ports before the log: a program that can't serve must not end another one's deploy.
            let workers = Workers::listen(config.shared)?.min_ready(config.min_ready);
            let admin = listener::bind("ADMIN_PORT", config.admin_port)?;
            let workers = workers.admin(admin.local_addr()?);
            let (log, recovered) = DeployLog::open(&config.deploy_log)?;
            let (stable, program) = (recovered.stable, recovered.program.clone());
            let deploys = new(Place { config: config.clone(), log, recovered });
            let mut primary = Primary::new(config, deploys, Admin::start(admin));
            primary.knows(stable, program);
            Ok(primary.run(workers, intents).await)
        },
        async |place| work(place, choose).await,
    )
}

/// Runs as the worker that `place` describes, which chooses by `choose`.
///
/// # Errors
/// When a setting makes no sense, or the primary has died already.
pub async fn work(
    place: cluster_basics::Worker<
        supervisor::FromWorker<crate::talk::Report>,
        supervisor::messages::ToWorker<crate::talk::Order>,
    >,
    choose: Choose,
) -> Result<ExitCode, StartError> {
    let config = Config::from_env()?;
    let version = own_version();
    let fault = config.faults.of(version, place.slot);
    let site = Site::new(place.slot, version, fault);
    if place.slot > Slot(config.shared.workers) {
        return candidate::work(place, fault, site).await;
    }
    run_worker(place, fault, Stable::new(site, choose, config.answer_timeout)).await
}
