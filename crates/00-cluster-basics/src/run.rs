//! One `main` for both: the same program is the primary, or one of its workers.

use std::{io, process::ExitCode, time::Duration};

use crate::{
    config::ConfigError,
    inherited::Inherited,
    worker::{Worker, is_worker},
};

/// Why a process could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting makes no sense; exit code 2.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The port is taken or may not be used; exit code 2.
    #[error(
        "can't listen on port {port} ({source}): choose another with {setting}, or {setting}=0 for any free one"
    )]
    Bind {
        /// The setting that names the port.
        setting: &'static str,
        /// The port that was asked for.
        port: u16,
        /// What the kernel said.
        source: io::Error,
    },
    /// The operating system refused something; exit code 1.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// How long the last lines on stdout and stderr may take. Their readers may never read again.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Runs `primary`, or `worker` in a process that was started as one, and makes its outcome the
/// exit code. An error is one line on stderr.
///
/// A worker has one thread for its event loop: more cores are used by more workers.
pub fn run<Out, In>(
    primary: impl AsyncFnOnce() -> Result<ExitCode, StartError>,
    worker: impl AsyncFnOnce(Worker<Out, In>) -> Result<ExitCode, StartError>,
) -> ExitCode {
    let outcome = runtime().and_then(|runtime| {
        let outcome = runtime.block_on(async {
            let _signals = Inherited::reset(is_worker())?;
            if is_worker() { worker(Worker::inherit()?).await } else { primary().await }
        });
        // Dropping it would wait for threads that wait for something else: a name server, a disk.
        runtime.shutdown_background();
        outcome
    });
    let code = outcome.unwrap_or_else(|error| {
        events::warn(&error);
        match error {
            StartError::Config(_) | StartError::Bind { .. } => ExitCode::from(2),
            StartError::Io(_) => ExitCode::FAILURE,
        }
    });
    events::flush(LAST_LINES);
    code
}

fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
