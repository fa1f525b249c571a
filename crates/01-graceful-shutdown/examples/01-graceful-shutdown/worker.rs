//! The life of a worker: it takes two resources, serves until it is told to drain, and gives the
//! resources back in reverse order.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use cluster_basics::worker::die_with_primary;
use events::{numbers::count, warn};
use graceful_shutdown::{FromWorker, Journal, Primary, Server, Signals, ToWorker};

use crate::{cleanup::Cleanup, drain::drain};

/// Serves until the primary orders a drain, or is gone.
pub(crate) async fn worker(
    mut server: Server,
    journal: Journal,
    mut primary: Primary,
    mut signals: Signals,
) -> ExitCode {
    let cleanup = match die_with_primary().and_then(|()| take_resources(journal)) {
        Ok(cleanup) => cleanup,
        Err(error) => {
            warn(format_args!("can't take the worker's resources: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let (lame_duck, timeout) = loop {
        tokio::select! {
            said = primary.hear() => match said {
                Some(ToWorker::Drain { lame_duck, timeout }) => break (lame_duck, timeout),
                // The primary is gone, so no process is left that could replace or reap this one.
                None => return ExitCode::FAILURE,
            },
            // Ctrl-C reaches the workers too. The primary has heard it, and decides.
            _ = signals.next() => {}
        }
    };
    primary.tell(FromWorker::Draining { in_flight: server.in_flight() }).await;
    let done = tokio::select! {
        done = drain(&mut server, lame_duck, timeout) => done,
        None = primary.hear() => return ExitCode::FAILURE,
    };
    let mut code = ExitCode::SUCCESS;
    for step in cleanup.run().await {
        if !step.is_done {
            // The primary counts this worker as a loss: what it held may be gone.
            code = ExitCode::FAILURE;
        }
        let resource = step.resource.to_owned();
        primary.tell(FromWorker::CleanedUp { resource, detail: step.detail }).await;
    }
    primary.tell(FromWorker::Drained { answered: done.answered, cut: done.cut }).await;
    code
}

/// Takes a presence file, then the journal, and remembers how to give each back.
fn take_resources(journal: Journal) -> io::Result<Cleanup> {
    let mut cleanup = Cleanup::default();
    // Each release is remembered as soon as its resource is taken: an error in between must not
    // leave the first one behind.
    let presence = Presence::claim(journal.folder())?;
    cleanup.add("presence file", || presence.give_up());
    cleanup.add("journal", move || Ok(format!("{} written", count(journal.flush()?, "line"))));
    Ok(cleanup)
}

/// A file that tells other programs on this machine that this worker is there.
struct Presence(PathBuf);

impl Presence {
    fn claim(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("worker-{}.present", std::process::id()));
        File::create(&path)?;
        Ok(Presence(path))
    }

    fn give_up(self) -> io::Result<String> {
        fs::remove_file(self.0)?;
        Ok("removed".to_owned())
    }
}
