//! The primary's side: it starts workers, sends them messages, hears what they say, and reaps them.

use std::{collections::BTreeMap, io, net::TcpListener, sync::Arc, time::Duration};

use events::{Exit, Pid, Slot, WorkerId};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    process::Child,
    sync::{Notify, mpsc},
    time::timeout,
};

use crate::{
    channel::{Receiver, Sender, channel},
    listener::admit_no_more,
    spawn::spawn,
};

/// How long the primary still reads a worker's channel after the worker has ended.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Something that a worker said, or its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Notice<In> {
    /// The worker sent a message.
    Said {
        /// Which worker.
        id: WorkerId,
        /// What it said.
        message: In,
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
    notices: mpsc::UnboundedReceiver<Notice<In>>,
    notice: mpsc::UnboundedSender<Notice<In>>,
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
        let (notice, notices) = mpsc::unbounded_channel();
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

    /// Tells the worker `pid` `message`. If the worker can't hear it any more, `Exited` is about to
    /// say so; that isn't an error here.
    pub async fn tell(&mut self, pid: Pid, message: &Out) {
        if let Some(worker) = self.workers.get_mut(&pid) {
            let _ = worker.sender.send(message).await;
        }
    }

    /// Tells every worker `message`.
    pub async fn tell_all(&mut self, message: &Out) {
        for worker in self.workers.values_mut() {
            let _ = worker.sender.send(message).await;
        }
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

/// Passes on what one worker says, then its end.
///
/// The task that reaps a process is also the only one to signal it: once the process is reaped, the
/// kernel may give its pid to an unknown process.
async fn watch<In: DeserializeOwned>(
    id: WorkerId,
    mut child: Child,
    kill: Arc<Notify>,
    mut receiver: Receiver<In>,
    notice: mpsc::UnboundedSender<Notice<In>>,
) {
    let mut is_open = true;
    let exit = loop {
        tokio::select! {
            biased;
            () = kill.notified() => drop(child.start_kill()),
            message = receiver.recv(), if is_open => match message {
                Some(message) => drop(notice.send(Notice::Said { id, message })),
                // End of file proves no death: a worker can close its end and live on.
                None => is_open = false,
            },
            // Reaps the process, which would stay a zombie otherwise.
            status = child.wait() => break status.map_or(Exit::Code(-1), Exit::from),
        }
    };
    // What the worker said before its end is still in the socket. End of file follows it, unless a
    // process that the worker started holds the other end.
    while is_open && let Ok(Some(message)) = timeout(LAST_WORDS, receiver.recv()).await {
        let _ = notice.send(Notice::Said { id, message });
    }
    let _ = notice.send(Notice::Exited { id, exit });
}
