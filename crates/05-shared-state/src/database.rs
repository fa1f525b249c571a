//! A worker's connections to the database, each on a thread of its own.
//!
//! `rusqlite` blocks the thread that asks: while another process writes, and while the disk works. On the
//! event loop that would stop every request of the worker.

use std::{
    fs,
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use crate::{Config, Failure, SessionId};

/// How long opening may wait for another process that has just begun or ended.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A worker's way to the database. Its clones share the connections.
#[derive(Clone)]
pub struct Database {
    writer: mpsc::Sender<Job>,
    reader: mpsc::Sender<Job>,
    busy_timeout: Duration,
}

impl Database {
    /// Opens `connections` connections: one writes, and the others only read. A single connection does
    /// both, and readers wait for writers.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(config: &Config, connections: u32) -> Result<Self, Failure> {
        let writer = start(vec![connect(config)?]);
        let readers = (1..connections).map(|_| connect(config)).collect::<Result<Vec<_>, _>>()?;
        let reader = if readers.is_empty() { writer.clone() } else { start(readers) };
        Ok(Database { writer, reader, busy_timeout: config.busy_timeout })
    }

    /// Runs `work` in a transaction, and commits it if `work` returns `Ok`. It has the only write lock
    /// from its beginning: what it reads does not change until the commit.
    ///
    /// # Errors
    /// [`Failure::Busy`] when it could not begin within `BUSY_TIMEOUT_MS`: nothing was written then.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run(&self.writer, TransactionBehavior::Immediate, work).await
    }

    /// Runs `work`, which only reads. It sees the state of one moment, and waits for no writer.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        self.run(&self.reader, TransactionBehavior::Deferred, work).await
    }

    /// Copies all that is committed into the new `file`, which has everything or isn't there.
    ///
    /// # Errors
    /// [`Failure::Exists`] when there is such a file. It stays as it is.
    pub async fn backup(&self, file: PathBuf) -> Result<(), Failure> {
        ask(&self.reader, move |connection| copy_into(connection, &file)).await
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: &mpsc::Sender<Job>,
        behavior: TransactionBehavior,
        work: impl FnOnce(&Transaction) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        // From here, not from the front of the queue: a client waits this long in all.
        let deadline = Instant::now() + self.busy_timeout;
        ask(lane, move |connection| transact(connection, behavior, deadline, work)).await
    }
}

/// Runs `work` on a connection of the `lane`.
async fn ask<T: Send + 'static>(
    lane: &mpsc::Sender<Job>,
    work: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (reply, answer) = oneshot::channel();
    let job = move |connection: &mut Connection| {
        let _ = reply.send(work(connection));
    };
    let gone = || Failure::Broken("the thread of the database has panicked".to_owned());
    lane.send(Box::new(job)).map_err(|_| gone())?;
    answer.await.map_err(|_| gone())?
}

/// `SQLite` makes the copy itself. A program that reads the file instead misses what is still in the log, and
/// ends its own locks when it closes that file.
fn copy_into(connection: &Connection, file: &Path) -> Result<(), Failure> {
    let part = file.with_extension(format!("{}.part", SessionId::random().as_str()));
    let copied = connection.execute("VACUUM INTO ?1", [part.to_string_lossy()]);
    // A link never replaces a file.
    let named = copied.map_err(Failure::from).and_then(|_| {
        fs::hard_link(&part, file).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => Failure::Exists,
            _ => Failure::Broken(error.to_string()),
        })
    });
    let _ = fs::remove_file(&part);
    named
}

fn transact<T>(
    connection: &mut Connection,
    behavior: TransactionBehavior,
    deadline: Instant,
    work: impl FnOnce(&Transaction) -> rusqlite::Result<T>,
) -> Result<T, Failure> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() && matches!(behavior, TransactionBehavior::Immediate) {
        return Err(Failure::Busy);
    }
    connection.busy_timeout(left)?;
    let transaction = connection.transaction_with_behavior(behavior)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn connect(config: &Config) -> rusqlite::Result<Connection> {
    // Not `CREATE`: the primary has prepared the file, and a new one would be empty.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&config.database, flags)?;
    connection.busy_timeout(OPEN_LIMIT)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A power cut may take back the last commits, and never damages the file. `FULL` waits for the disk
    // at each commit. A process that is killed loses nothing either way.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// A thread for each connection; all take their jobs from one queue.
fn start(connections: Vec<Connection>) -> mpsc::Sender<Job> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let jobs = Arc::new(Mutex::new(jobs));
    for mut connection in connections {
        let jobs = jobs.clone();
        thread::spawn(move || {
            loop {
                let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = job else { return };
                // A job that panics loses its own answer, and its transaction is rolled back.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&mut connection)));
            }
        });
    }
    sender
}
