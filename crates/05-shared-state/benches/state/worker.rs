//! A process that counts. It says how long each increment took, or a byte for each that was acknowledged,
//! or what the counter is.

use std::{
    env,
    fmt::Write as _,
    fs::File,
    io::{self, Write},
    num::NonZero,
    os::{fd::AsFd, unix::net::UnixStream},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cluster_basics::channel::{Receiver, Sender, channel};
use futures_util::FutureExt;
use serde_json::Value;
use shared_state::Failure;
use tokio::sync::{Mutex, broadcast};

use crate::{
    cluster::{HOME, config},
    home::Home,
    in_primary::{Call, InPrimary},
    in_redis::InRedis,
    in_sqlite::InSqlite,
    memory::Ask,
    store::Store,
};

/// What the process does: `count MILLIS START`, `acknowledge`, or `read`.
pub(crate) const TASK: &str = "STATE_BENCH_TASK";
/// A file whose lock is the queue for the database, if there is one.
pub(crate) const QUEUE: &str = "STATE_BENCH_QUEUE";
const LIMIT: Duration = Duration::from_secs(30);
const KEY: &str = "bench";

pub(crate) fn run() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(work()).map_err(|error| error.to_string())
}

async fn work() -> Result<(), Failure> {
    let store = open()?;
    let task = env::var(TASK).unwrap_or_default();
    let words: Vec<&str> = task.split(' ').collect();
    match words.as_slice() {
        ["count", millis, start] => count(&*store, number(millis)?, number(start)?).await,
        ["acknowledge"] => loop {
            store.add(KEY, 1).await?;
            say(b".")?;
        },
        _ => say(format!("{}\n", store.counter(KEY).await?).as_bytes()),
    }
}

/// Counts from the moment `start` for `millis`, and says the microseconds of each increment.
async fn count(store: &dyn Store, millis: u64, start: u64) -> Result<(), Failure> {
    let queue = env::var(QUEUE).ok().map(File::open).transpose().map_err(broken)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(start).saturating_sub(now)).await;
    let (began, mut line) = (Instant::now(), String::new());
    while began.elapsed() < Duration::from_millis(millis) {
        let asked = Instant::now();
        // The kernel gives the lock of a file in the order in which it was asked for.
        if let Some(queue) = &queue {
            queue.lock().map_err(broken)?;
        }
        store.add(KEY, 1).await?;
        if let Some(queue) = &queue {
            queue.unlock().map_err(broken)?;
        }
        let _ = write!(line, "{} ", asked.elapsed().as_micros());
    }
    line.push('\n');
    // The line is longer than what a pipe takes at once, and the pipe is the same for all.
    let turn = File::open("/proc/self/exe").map_err(broken)?;
    turn.lock().map_err(broken)?;
    say(line.as_bytes())
}

fn open() -> Result<Arc<dyn Store>, Failure> {
    let home = env::var(HOME).map_err(broken)?;
    let one = NonZero::<usize>::MIN;
    Ok(match Home::parse(&home).ok_or_else(|| broken("no such home"))? {
        Home::Worker | Home::Primary => {
            Arc::new(InPrimary::new(call()?, broadcast::Sender::new(1)))
        }
        Home::Sqlite(path) => Arc::new(InSqlite::open(&config(path), 1)?),
        Home::Redis { address, prefix } => {
            Arc::new(InRedis::open(&address, &prefix, one, LIMIT).map_err(broken)?)
        }
    })
}

/// The way to the primary, which is this process's stdin. One call at a time, as this process counts.
fn call() -> Result<Call, Failure> {
    let stream = io::stdin().as_fd().try_clone_to_owned().map_err(broken)?;
    let (sender, receiver): (Sender<Ask>, Receiver<Value>) =
        channel(UnixStream::from(stream)).map_err(broken)?;
    let receiver = Arc::new(Mutex::new(receiver));
    Ok(Arc::new(move |ask| {
        let (sender, receiver) = (sender.clone(), receiver.clone());
        async move {
            let mut receiver = receiver.lock().await;
            sender.send(&ask).await.map_err(broken)?;
            receiver.recv().await.map_err(broken)
        }
        .boxed()
    }))
}

fn say(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(broken)
}

fn number(word: &str) -> Result<u64, Failure> {
    word.parse().map_err(broken)
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn broken(error: impl ToString) -> Failure {
    Failure::Broken(error.to_string())
}
