//! Everything before there is a decision to make.

use std::{io, path::Path, process::ExitCode, sync::Arc};

use cluster_basics::StartError;
use events::Slot;
use supervisor::{Intents, Signals, run_worker};

use crate::{
    Config, Failure, Keeper, News, Origin, SharedState,
    primary::{Primary, roll_signal},
    service::Site,
    talk::Workers,
};

/// What a worker is given.
pub struct Place {
    /// Its slot.
    pub slot: Slot,
    /// What the environment asks for.
    pub config: Config,
    /// The way to its primary.
    pub news: News,
    /// The client of the origin.
    pub origin: Origin,
}

/// Runs a primary that has `keeper`; or, in a process that was started as one, a worker that has `state`.
///
/// `keeper` is called before the program says that it listens, and before the first worker starts.
pub fn run<K: Keeper, S: SharedState>(
    keeper: fn(&Config) -> Result<K, StartError>,
    state: fn(Place) -> Result<S, Failure>,
) -> ExitCode {
    cluster_basics::run(
        async || {
            let config = Config::from_env()?;
            let (intents, rolls) = (Intents::new(Signals::install()?), roll_signal()?);
            let keeper = keeper(&config)?;
            let workers = Workers::listen(config.shared)?;
            Ok(Primary::new(config, keeper).run(workers, intents, rolls).await)
        },
        async |place| {
            let (slot, config) = (place.slot, Config::from_env()?);
            let (news, origin) = (News::new(config.ack_timeout), Origin::new(&config));
            let folder = config.database.parent().map(Path::to_owned).unwrap_or_default();
            let state = state(Place { slot, config, news: news.clone(), origin });
            let state = Arc::new(state.map_err(io::Error::other)?);
            run_worker(place, None, Site { slot, news, folder, state }).await
        },
    )
}
