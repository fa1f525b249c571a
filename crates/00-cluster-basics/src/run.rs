//! One `main` for both: the same program is the primary, or one of its workers.

use std::{io, process::ExitCode};

use crate::{
    config::ConfigError,
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

/// Runs `primary`, or `worker` in a process that was started as one, and makes its outcome the
/// exit code. An error is one line on stderr.
///
/// A worker has one thread for its event loop: more cores are used by more workers.
pub fn run<Out, In>(
    primary: impl AsyncFnOnce() -> Result<ExitCode, StartError>,
    worker: impl AsyncFnOnce(Worker<Out, In>) -> Result<ExitCode, StartError>,
) -> ExitCode {
    let outcome = runtime().and_then(|runtime| {
        runtime.block_on(async {
            if is_worker() { worker(Worker::inherit()?).await } else { primary().await }
        })
    });
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        match error {
            StartError::Config(_) | StartError::Bind { .. } => ExitCode::from(2),
            StartError::Io(_) => ExitCode::FAILURE,
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, StartError> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}
