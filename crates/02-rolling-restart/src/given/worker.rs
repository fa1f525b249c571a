//! A worker of this chapter: the life that the library gives it, its routes, and the news of a roll.

use std::{
    env,
    future::ready,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use cluster_basics::{StartError, Worker};

use super::{
    Config, Intents, Progress, Version,
    routes::{Site, respond},
};
use crate::{
    messages::{FromWorker, Nothing, ToWorker},
    worker::live,
};

pub(super) async fn worker(
    place: Worker<FromWorker<Nothing>, ToWorker<Progress>>,
) -> Result<ExitCode, StartError> {
    // Signals that reach the whole group (Ctrl-C, a service manager's SIGTERM) are the primary's to
    // decide about. Taken over and never read, they do nothing here.
    let _ignored = Intents::install()?;
    let version = env::var("VERSION").ok().and_then(|text| text.parse().ok());
    let version = version.unwrap_or(Version::FIRST);
    let (worker, fault) = (place.id, Config::from_env()?.faults.of(version, place.id));
    let progress = Arc::new(Mutex::new(Progress::steady(version)));
    let news = progress.clone();
    let open = || {
        let site = Site { worker, version, ready: Instant::now(), progress };
        move |request, _| respond(site.clone(), request)
    };
    let hear = |told| *news.lock().unwrap_or_else(PoisonError::into_inner) = told;
    Ok(live(place, fault, open, hear, |_| ready(()), || None).await)
}
