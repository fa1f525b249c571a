//! The primary's side: it starts workers, sends them messages, hears what they say, and reaps them.

use std::{collections::BTreeMap, io, net::TcpListener, sync::Arc, time::Duration};

use events::{Exit, Pid, Slot, WorkerId};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    process::Child,
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};

use crate::{
    channel::{ReceiveError, Receiver, SendError, Sender, channel},
    listener::admit_no_more,
    spawn::spawn,
};

/// A worker that has ended, and whose channel is silent for this long, has said everything.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How long the primary reads a worker's channel after the worker has ended, at most: a process that
/// the worker started may hold its end of the channel, and go on talking.
const LAST_READ: Duration = Duration::from_secs(5);

/// How long a worker that has closed its channel may take to end.
const CLOSED_LIMIT: Duration = Duration::from_secs(1);

/// The longest queue of notices. When it is full, the workers wait, and not the primary's memory.
const QUEUE: usize = 256;

/// Something that a worker said, or its end.
#[derive(Debug)]
pub enum Notice<In> {
    /// The worker sent a message.
    Said {
        /// Which worker.
        id: WorkerId,
        /// What it said.
        message: In,
    },
    /// The worker sent what isn't a message, or closed its channel and lives on. Nothing more is heard
    /// of it until its end.
    Garbled {
        /// Which worker.
        id: WorkerId,
        /// What is wrong with it.
        error: ReceiveError,
    },
    /// The worker's process ended, and was reaped. Everything it said came before this.
    Exited {
        /// Which worker.
        id: WorkerId,
        /// How it ended.
        exit: Exit,
    },
}

/// The workers of this primary. `Out` is what they are told, `In` what they say.
pub struct Cluster<Out, In> {
    listener: Option<TcpListener>,
    workers: BTreeMap<Pid, Handle<Out>>,
    notices: mpsc::Receiver<Notice<In>>,
    notice: mpsc::Sender<Notice<In>>,
}

/// What the primary holds of one worker.
struct Handle<Out> {
    sender: Sender<Out>,
    kill: Arc<Notify>,
}

impl<Out: Serialize, In: DeserializeOwned + Send + 'static> Cluster<Out, In> {
    /// A cluster without workers yet, behind `listener`.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        let (notice, notices) = mpsc::channel(QUEUE);
        Cluster { listener: Some(listener), workers: BTreeMap::new(), notices, notice }
    }

    /// Starts a worker in `slot` and returns the pid of its process.
    ///
    /// # Errors
    /// When the process can't be started, or [`Self::stop_listening`] was called before.
    pub fn spawn(&mut self, slot: Slot) -> io::Result<Pid> {
        self.spawn_with(slot, &[])
    }

    /// The same, with `settings` in its environment beside our own.
    ///
    /// # Errors
    /// As for [`Self::spawn`].
    pub fn spawn_with(&mut self, slot: Slot, settings: &[(&str, &str)]) -> io::Result<Pid> {
        let listener = self.listener.as_ref().ok_or_else(|| io::Error::other("not listening"))?;
        let (child, stream) = spawn(slot, listener, settings)?;
        let pid =
            child.id().map(Pid).ok_or_else(|| io::Error::other("the worker is gone already"))?;
        let (sender, receiver) = channel(stream)?;
        let kill = Arc::new(Notify::new());
        self.workers.insert(pid, Handle { sender, kill: kill.clone() });
        // A task for each worker. All tasks share the queue of notices, and take turns in it.
        tokio::spawn(watch(WorkerId { slot, pid }, child, kill, receiver, self.notice.clone()));
        Ok(pid)
    }

    /// What happens next. Without workers it waits forever: see [`Self::is_empty`].
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Notice<In> {
        // We hold a sender ourselves, so the channel never closes.
        let Some(notice) = self.notices.recv().await else { std::future::pending().await };
        if let Notice::Exited { id, .. } = notice {
            self.workers.remove(&id.pid);
        }
        notice
    }

    /// The socket that workers inherit, for a primary that accepts itself.
    ///
    /// # Errors
    /// When there is no descriptor left, or [`Self::stop_listening`] was called before.
    pub fn listener(&self) -> io::Result<TcpListener> {
        self.listener.as_ref().ok_or_else(|| io::Error::other("not listening"))?.try_clone()
    }

    /// Tells the worker `pid` `message`, as soon as the worker reads. It never waits: a worker that is
    /// frozen must not hold up its primary.
    ///
    /// # Errors
    /// When too many messages wait for the worker already, or it is gone: then `Exited` is about to
    /// say so.
    pub fn tell(&self, pid: Pid, message: &Out) -> Result<(), SendError> {
        self.workers.get(&pid).ok_or(SendError::Closed)?.sender.try_send(message)
    }

    /// The way to the worker `pid`, for a task that may wait while that worker is slow to read. `None`
    /// when it is gone.
    #[must_use]
    pub fn sender(&self, pid: Pid) -> Option<Sender<Out>> {
        self.workers.get(&pid).map(|worker| worker.sender.clone())
    }

    /// Ends the worker `pid` at once, by SIGKILL: a stopped process hears nothing else.
    pub fn kill(&self, pid: Pid) {
        if let Some(worker) = self.workers.get(&pid) {
            worker.kill.notify_one();
        }
    }

    /// Ends every worker at once.
    pub fn kill_all(&self) {
        for worker in self.workers.values() {
            worker.kill.notify_one();
        }
    }

    /// Lets no new client into the queue, and closes the primary's copy of the listening socket.
    /// The socket itself closes with the last copy. Until then the workers accept the clients that
    /// wait already.
    pub fn stop_listening(&mut self) {
        if let Some(listener) = self.listener.take() {
            // Without the filter there is a gap, but no other harm.
            let _ = admit_no_more(&listener);
        }
    }

    /// Whether every worker has been reaped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }
}

/// Waits for one worker's end, and passes it on after everything that the worker said.
///
/// The task that reaps a process is also the only one to signal it: once it is reaped, the kernel may
/// give its pid to an unknown process.
async fn watch<In: DeserializeOwned + Send + 'static>(
    id: WorkerId,
    mut child: Child,
    kill: Arc<Notify>,
    receiver: Receiver<In>,
    notice: mpsc::Sender<Notice<In>>,
) {
    let has_ended = Arc::new(Notify::new());
    let mut reading = tokio::spawn(read(id, receiver, has_ended.clone(), notice.clone()));
    let exit = loop {
        tokio::select! {
            biased;
            () = kill.notified() => drop(child.start_kill()),
            // Reaps it, or it would stay a zombie.
            status = child.wait() => break status.map_or(Exit::Code(-1), Exit::from),
        }
    };
    has_ended.notify_one();
    // Its last words come before its end. An error would mean that the runtime ends.
    if timeout(LAST_READ, &mut reading).await.is_err() {
        reading.abort();
    }
    let _ = notice.send(Notice::Exited { id, exit }).await;
}

/// Passes on each message of one worker, until its channel ends.
async fn read<In: DeserializeOwned>(
    id: WorkerId,
    mut receiver: Receiver<In>,
    has_ended: Arc<Notify>,
    notice: mpsc::Sender<Notice<In>>,
) {
    let mut limit = None;
    loop {
        let message = tokio::select! {
            biased;
            message = receiver.recv() => message,
            // What is left is in the socket, which ends with the worker, unless a process that the
            // worker started holds the other end.
            () = has_ended.notified(), if limit.is_none() => {
                limit = Some(LAST_WORDS);
                continue;
            }
            () = sleep(limit.unwrap_or_default()), if limit.is_some() => return,
        };
        let said = match message {
            Ok(message) => Notice::Said { id, message },
            Err(error) if error.is_garbage() => {
                let _ = notice.send(Notice::Garbled { id, error }).await;
                return;
            }
            // End of file, 30 µs after a kill -9. A worker that has closed its end and lives on can't
            // be told anything, and drains never.
            Err(error) => {
                if timeout(CLOSED_LIMIT, has_ended.notified()).await.is_err() {
                    let _ = notice.send(Notice::Garbled { id, error }).await;
                }
                return;
            }
        };
        if notice.send(said).await.is_err() {
            return;
        }
    }
}
