//! A cluster that loses nothing when it is told to stop.
//!
//! ```text
//! cargo xtask run 01-graceful-shutdown            # the tour, then a cluster of your own to poke
//! cargo xtask run 01-graceful-shutdown --serve    # only the cluster: Ctrl-C it, twice if you like
//! ```
//! The primary is [`graceful_shutdown::primary`]. A worker takes two resources, serves until it is
//! told to drain, and gives them back in reverse order.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use events::narrate::count;
use graceful_shutdown::{
    Cleanup, drain,
    given::{self, FromWorker, Journal, Primary, Server, Signals, ToWorker},
    primary,
};

fn main() -> ExitCode {
    given::run(primary, worker)
}

/// Serves until the primary says otherwise, or is gone.
async fn worker(
    mut server: Server,
    journal: Journal,
    mut primary: Primary,
    mut signals: Signals,
) -> ExitCode {
    let cleanup = match take_resources(journal) {
        Ok(cleanup) => cleanup,
        Err(error) => {
            eprintln!("can't take the worker's resources: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (lame_duck, timeout) = loop {
        tokio::select! {
            said = primary.hear() => match said {
                Some(ToWorker::Drain { lame_duck, timeout }) => break (lame_duck, timeout),
                // Nobody is left to drain for, nor to replace or reap us.
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
    for step in cleanup.run().await {
        let resource = step.resource.to_owned();
        primary.tell(FromWorker::CleanedUp { resource, detail: step.detail }).await;
    }
    primary.tell(FromWorker::Drained { answered: done.answered, cut: done.cut }).await;
    ExitCode::SUCCESS
}

/// Takes a presence file, then the journal, and remembers how to give each back.
fn take_resources(journal: Journal) -> io::Result<Cleanup> {
    let mut cleanup = Cleanup::default();
    let presence = Presence::claim(journal.folder())?;
    cleanup.add("presence file", || presence.give_up());
    cleanup.add("journal", move || Ok(format!("{} written", count(journal.flush()?, "line"))));
    Ok(cleanup)
}

/// A file that tells others on this machine that we are there.
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
