//! A primary of the bench: it has the state of the home `primary`, or prepares the file, and starts the
//! four processes that count. All are one process group, so that one signal ends them at once.

use std::{
    env, io,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::{Child, Command},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use cluster_basics::channel::{Receiver, Sender, channel};
use serde_json::Value;
use shared_state::{Config, prepare};

use crate::{
    in_sqlite_tables::add_tables,
    memory::{Ask, Memory},
};

/// The variable that tells a process of this bench what it is.
pub(crate) const ROLE: &str = "STATE_BENCH_ROLE";
/// Where the state lies, as `STORE` names it.
pub(crate) const HOME: &str = "STATE_BENCH_HOME";
/// How many processes count.
pub(crate) const WORKERS: &str = "STATE_BENCH_WORKERS";

pub(crate) fn config(path: PathBuf) -> Config {
    let settings = Config::from_env().expect("the bench sets no wrong setting");
    // Longer than anything takes here: the bench measures how long a wait is.
    Config { database: path, busy_timeout: Duration::from_secs(30), ..settings }
}

/// This program again, in another role.
pub(crate) fn own_process(role: &str) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.env(ROLE, role);
    Ok(command)
}

pub(crate) fn run() -> io::Result<()> {
    let home = env::var(HOME).map_err(io::Error::other)?;
    let workers: usize = env::var(WORKERS).ok().and_then(|number| number.parse().ok()).unwrap_or(4);
    let file = home.strip_prefix("sqlite:").map(|path| config(path.into()));
    let _kept = file.map(|config| {
        let prepared = prepare(&config).map_err(io::Error::other)?;
        add_tables(&config).map_err(io::Error::other)?;
        Ok::<_, io::Error>(prepared)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let memory = Arc::new(Mutex::new(Memory::default()));
        let mut children = Vec::new();
        for _ in 0..workers {
            let (child, stream) = start_worker()?;
            tokio::spawn(serve(stream, memory.clone()));
            children.push(child);
        }
        // On a thread of its own: the event loop serves them meanwhile.
        let wait =
            move || children.iter_mut().try_for_each(|child: &mut Child| child.wait().map(drop));
        tokio::task::spawn_blocking(wait).await?
    })
}

fn start_worker() -> io::Result<(Child, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = own_process("worker")?.stdin(OwnedFd::from(theirs)).spawn()?;
    Ok((child, ours))
}

/// Answers one worker, whose operations are all done here, one after the other.
async fn serve(stream: UnixStream, memory: Arc<Mutex<Memory>>) {
    let Ok((sender, mut receiver)): io::Result<(Sender<Value>, Receiver<Ask>)> = channel(stream)
    else {
        return;
    };
    while let Ok(ask) = receiver.recv().await {
        let answer =
            memory.lock().unwrap_or_else(PoisonError::into_inner).answer(ask, Instant::now());
        if sender.send(&answer).await.is_err() {
            return;
        }
    }
}
