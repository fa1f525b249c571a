//! One `main` for both: the same program is the primary, or one of its workers.

use std::{io, process::ExitCode, time::Duration};

use nix::sys::signal::{SigSet, SigmaskHow};
use tokio::runtime::Builder;

use crate::{
    config::ConfigError,
    inherited::{Inherited, block_all},
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
    let outcome = runtime_of_one_thread_for_signals().and_then(|runtime| {
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

/// Signals reach the thread of the event loop and no other one. Otherwise a thread that writes lines might
/// catch a signal in the moment in which the primary has blocked all of them.
fn runtime_of_one_thread_for_signals() -> Result<tokio::runtime::Runtime, StartError> {
    let before =
        SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(io::Error::from)?;
    // A thread inherits the mask of the thread that starts it.
    events::start_threads();
    before.thread_set_mask().map_err(io::Error::from)?;
    let mut runtime = Builder::new_current_thread();
    // Without it the thread takes signals, and nothing else is wrong.
    runtime.on_thread_start(|| drop(block_all()));
    Ok(runtime.enable_all().build()?)
}
