//! A worker of this chapter: the life that chapter 02 gives it, the routes, and a heart.

use std::{process::ExitCode, sync::Arc};

use cluster_basics::{StartError, Worker};
use rolling_restart::{
    given::{Intents, Version},
    messages::{FromWorker, Nothing, ToWorker},
    worker::live,
};

use super::{
    Beat, Config, Heart,
    heart::Counts,
    routes::{Site, respond},
};

pub(super) async fn worker(
    place: Worker<FromWorker<Beat>, ToWorker<Nothing>>,
    beat: impl AsyncFnOnce(Heart),
) -> Result<ExitCode, StartError> {
    // Signals that reach the whole group are the primary's to decide about.
    let _ignored = Intents::install()?;
    let config = Config::from_env()?;
    let counts = Arc::new(Counts::default());
    let site = Site { worker: place.id, counts: counts.clone(), leak: Arc::default() };
    let open = || move |request, _| respond(site.clone(), request);
    let fault = config.faults.of(Version::FIRST, place.id);
    let beside = |voice| beat(Heart { voice, counts: counts.clone(), interval: config.heartbeat });
    let last_word = || Some(counts.last_word());
    Ok(live(place, fault, open, |nothing| match nothing {}, beside, last_word).await)
}
