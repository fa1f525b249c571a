//! The primary's side: it starts workers, sends them messages, hears what they say, and reaps them.

mod handover;
mod watch;

use std::{collections::BTreeMap, io, net::TcpListener, path::Path, sync::Arc};

use events::{Exit, Pid, Slot, WorkerId};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};

pub use self::handover::{Handover, WorkerHandover};
use self::watch::Watch;
use crate::{
    channel::{ChannelHandover, ReceiveError, Receiver, SendError, Sender, WriterTask, open},
    listener::admit_no_more,
    process::Process,
    spawn::{own_program, spawn},
};

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
    workers: BTreeMap<Pid, Handle<Out, In>>,
    notices: mpsc::Receiver<Notice<In>>,
    notice: mpsc::Sender<Notice<In>>,
}

/// What the primary holds of one worker.
struct Handle<Out, In> {
    id: WorkerId,
    sender: Sender<Out>,
    writer: WriterTask,
    kill: Arc<Notify>,
    /// Ends the watch over the worker, and not the worker.
    hand_on: Arc<Notify>,
    /// Returns the receiving half of a worker that was not reaped.
    watch: JoinHandle<Option<Receiver<In>>>,
}

impl<Out: Serialize, In: DeserializeOwned + Send + 'static> Cluster<Out, In> {
    /// A cluster without workers yet, behind `listener`.
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Cluster::empty(Some(listener))
    }

    /// A cluster that can start no worker: what is left where another one was taken away.
    #[must_use]
    pub fn not_listening() -> Self {
        Cluster::empty(None)
    }

    fn empty(listener: Option<TcpListener>) -> Self {
        let (notice, notices) = mpsc::channel(QUEUE);
        Cluster { listener, workers: BTreeMap::new(), notices, notice }
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
        self.spawn_program(&own_program()?, slot, settings)
    }

    /// The same, from another file than our own program.
    ///
    /// # Errors
    /// As for [`Self::spawn`], and when the file can't be executed.
    pub fn spawn_program(
        &mut self,
        program: &Path,
        slot: Slot,
        settings: &[(&str, &str)],
    ) -> io::Result<Pid> {
        let listener = self.listener.as_ref().ok_or_else(|| io::Error::other("not listening"))?;
        let (pid, stream) = spawn(program, slot, listener, settings)?;
        self.watch(WorkerId { slot, pid }, ChannelHandover::fresh(stream))?;
        Ok(pid)
    }

    /// A task for each worker. All tasks share the queue of notices, and take turns in it.
    fn watch(&mut self, id: WorkerId, channel: ChannelHandover) -> io::Result<()> {
        // First, so that a worker that can't be watched is killed.
        let process = Process::child(id.pid)?;
        let ends = open(channel)?;
        let (kill, hand_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let notice = self.notice.clone();
        let watch = Watch { id, process, kill: kill.clone(), hand_on: hand_on.clone(), notice };
        let watch = tokio::spawn(watch.run(ends.receiver));
        let (sender, writer) = (ends.sender, ends.writer);
        self.workers.insert(id.pid, Handle { id, sender, writer, kill, hand_on, watch });
        Ok(())
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
