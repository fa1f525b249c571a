//! Everything before `primary` and `heartbeat` have a decision to make.

use std::{process::ExitCode, sync::Arc, time::Duration};

use cluster_basics::listener;
use hyper::{Request, Response, body::Incoming};
use supervisor::{
    Intents, Nothing, Service, Signals, Version, WorkerChannel, http::Body, run_worker,
};

use crate::{
    Admin, Config, Heartbeat, HeartbeatSender, Workers,
    heartbeat::RequestCounters,
    routes::{self, Site},
};

/// Runs `primary`; or, in a process that was started as one, the given worker, with `heartbeat` on the
/// event loop that serves its requests.
///
/// Before `primary` runs, the handlers of SIGTERM, SIGINT and SIGHUP are installed: from then on none
/// of these signals ends the process by itself.
pub fn run<H>(
    primary: impl AsyncFnOnce(Config, Workers, Admin, Intents) -> ExitCode,
    heartbeat: impl Fn(HeartbeatSender) -> H + Send + Sync + 'static,
) -> ExitCode
where
    H: Future<Output = ()> + 'static,
{
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let intents = Intents::new(Signals::install()?);
            // Both ports before the first worker: a cluster that operators can't ask must not start.
            let workers = Workers::listen(config.shared)?;
            let admin = listener::bind("ADMIN_PORT", config.admin_port)?;
            let workers = workers.admin(admin.local_addr()?);
            Ok(primary(config, workers, Admin::start(admin), intents).await)
        },
        async |place| {
            let config = Config::from_env()?;
            // Versions mean nothing here, so a fault of the first one is a fault of its slot.
            let fault = config.faults.of(Version::FIRST, place.slot);
            let counters = Arc::new(RequestCounters::default());
            let site = Site::new(place.slot);
            let service =
                MonitoredService { site, counters, interval: config.heartbeat, heartbeat };
            run_worker(place, fault, service).await
        },
    )
}

/// A worker that answers, and says that it is alive.
struct MonitoredService<B> {
    site: Site,
    counters: Arc<RequestCounters>,
    interval: Duration,
    heartbeat: B,
}

impl<B, H> Service for MonitoredService<B>
where
    B: Fn(HeartbeatSender) -> H + Send + Sync + 'static,
    H: Future<Output = ()> + 'static,
{
    type Order = Nothing;
    type Report = Heartbeat;

    async fn respond(&self, request: Request<Incoming>, _is_ready: bool) -> Response<Body> {
        let answer = routes::respond(&self.site, &request).await;
        self.counters.count(answer.status().is_server_error());
        answer
    }

    fn on_order(&self, nothing: Nothing) {
        match nothing {}
    }

    fn background(&self, channel: WorkerChannel<Heartbeat>) -> impl Future<Output = ()> {
        let (counters, interval) = (self.counters.clone(), self.interval);
        (self.heartbeat)(HeartbeatSender { channel, counters, interval })
    }

    /// What a drained worker has counted: no request comes after it.
    fn final_report(&self) -> Option<Heartbeat> {
        Some(self.counters.heartbeat(Duration::ZERO))
    }
}
