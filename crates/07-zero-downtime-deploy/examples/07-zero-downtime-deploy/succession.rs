//! How a primary begins: with nothing, or with what another program of it has left.

use std::{env, io, path::PathBuf, process::ExitCode, time::Instant};

use cluster_basics::{
    StartError,
    inherited::{Bequest, bequest, unblock_all},
    listener,
};
use events::{PrimaryEvent, emit};
use supervisor::{Intents, Signals};
use zero_downtime_deploy::{
    Config, DeployLog, Place, admin::Admin, primary::Primary, talk::Workers,
};

use crate::{
    audition::audition,
    canary::Canary,
    exec::own_path,
    rehearsal::{inherited, say},
    replacement::Replacement,
    standstill::{Running, unix_micros},
    will::Legacy,
};

pub(crate) async fn primary() -> Result<ExitCode, StartError> {
    match bequest() {
        None => begin()?.run().await,
        Some(Bequest::Rehearse) => {
            let socket = inherited()?;
            Ok(say(&socket, audition(&socket).await))
        }
        Some(Bequest::Take) => take()?.run().await,
    }
}

/// The first program of a primary.
fn begin() -> Result<Running, StartError> {
    let config = Config::from_env()?;
    let (intents, replacement) = signals()?;
    // Both ports before the log: a program that can't serve must not end another one's deploy.
    let workers = Workers::listen(config.shared)?.min_ready(config.min_ready);
    let admin = listener::bind("ADMIN_PORT", config.admin_port)?;
    let mut workers = workers.admin(admin.local_addr()?);
    let (canary, program) = canary(&config)?;
    let version = canary.stable();
    let mut primary = Primary::new(config, canary, Admin::start(admin.try_clone()?));
    primary.knows(version, program);
    primary.go_on(&mut workers, Instant::now());
    workers.announce();
    Ok(Running { primary, workers, intents, replacement, admin, generation: 0 })
}

/// A further one. It has proved in its rehearsal that it can do all of this.
fn take() -> Result<Running, StartError> {
    // Handlers first: signals wait, and a signal without a handler would end everything.
    let (intents, replacement) = signals()?;
    let (will, handover, admin) = Legacy::receive(&inherited()?)?.into_parts();
    let config = Config::from_env()?;
    let workers = Workers::put_together(config.shared, handover)?;
    let workers = workers.min_ready(config.min_ready).admin(admin.local_addr()?);
    let (canary, program) = canary(&config)?;
    let (version, canary) = (canary.stable(), canary.resumed(will.canary));
    let answers = Admin::start(admin.try_clone()?);
    let mut primary = Primary::resumed(config, canary, answers, &will.primary);
    primary.knows(version, program);
    // Before the first worker is started, which would inherit the mask.
    unblock_all()?;
    let generation = will.generation + 1;
    emit(PrimaryEvent::Replaced {
        program: events::timeline::clip(&own_path()?.to_string_lossy(), 200),
        generation,
        workers: workers.all().len(),
        micros: unix_micros().saturating_sub(will.left_at),
    });
    Ok(Running { primary, workers, intents, replacement, admin, generation })
}

fn signals() -> io::Result<(Intents, Replacement)> {
    let program = env::var_os("NEXT_PROGRAM").map(PathBuf::from);
    let program = program.map_or_else(own_path, std::path::absolute)?;
    Ok((Intents::new(Signals::install()?), Replacement::by(program)?))
}

/// The deploys as the log has them, and the file of the version that was promoted last.
fn canary(config: &Config) -> Result<(Canary, Option<PathBuf>), StartError> {
    let (log, recovered) = DeployLog::open(&config.deploy_log)?;
    let program = recovered.program.clone();
    Ok((Canary::new(Place { config: config.clone(), log, recovered }), program))
}
