//! The task that watches over one worker: what it says, and how it ends.

use std::{sync::Arc, time::Duration};

use events::WorkerId;
use serde::de::DeserializeOwned;
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::Notice;
use crate::{channel::Receiver, process::Process};

/// A worker that has ended, and whose channel is silent for this long, has said everything.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// How long the primary reads a worker's channel after the worker has ended, at most: a process that
/// the worker started may hold its end of the channel, and go on talking.
const LAST_READ: Duration = Duration::from_secs(5);

/// How long a worker that has closed its channel may take to end.
const CLOSED_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct Watch<In> {
    pub(super) id: WorkerId,
    pub(super) process: Process,
    pub(super) kill: Arc<Notify>,
    pub(super) hand_on: Arc<Notify>,
    pub(super) notice: mpsc::Sender<Notice<In>>,
}

/// What the reading task is told.
#[derive(Default)]
struct Told {
    /// The worker has ended.
    has_ended: Notify,
    /// Read no more.
    stop: Notify,
}

impl<In: DeserializeOwned + Send + 'static> Watch<In> {
    /// Waits for the worker's end, and passes it on after everything that the worker said. Or until the
    /// worker is handed on: then it returns what it read from.
    ///
    /// The task that reaps a process is also the only one to signal it: once it is reaped, the kernel
    /// may give its pid to an unknown process.
    pub(super) async fn run(mut self, receiver: Receiver<In>) -> Option<Receiver<In>> {
        let told = Arc::new(Told::default());
        let mut reading = tokio::spawn(read(self.id, receiver, told.clone(), self.notice.clone()));
        let exit = loop {
            tokio::select! {
                biased;
                () = self.kill.notified() => self.process.kill(),
                // Reaps it, or it would stay a zombie.
                exit = self.process.wait() => break exit,
                () = self.hand_on.notified() => {
                    told.stop.notify_one();
                    self.process.hand_on();
                    // An error would mean that the runtime ends.
                    return reading.await.ok();
                }
            }
        };
        told.has_ended.notify_one();
        // Its last words come before its end.
        self.hear_the_rest(&mut reading).await;
        let _ = self.notice.send(Notice::Exited { id: self.id, exit }).await;
        None
    }

    async fn hear_the_rest(&self, reading: &mut JoinHandle<Receiver<In>>) {
        let is_over = tokio::select! {
            is_over = timeout(LAST_READ, &mut *reading) => is_over.is_ok(),
            // All others are to be handed on, and wait for this one.
            () = self.hand_on.notified() => timeout(LAST_WORDS, &mut *reading).await.is_ok(),
        };
        if !is_over {
            reading.abort();
        }
    }
}

/// Passes on each message of one worker, until its channel ends.
async fn read<In: DeserializeOwned>(
    id: WorkerId,
    mut receiver: Receiver<In>,
    told: Arc<Told>,
    notice: mpsc::Sender<Notice<In>>,
) -> Receiver<In> {
    let mut limit = None;
    loop {
        let message = tokio::select! {
            biased;
            // What has partly arrived is kept in the receiver.
            () = told.stop.notified() => return receiver,
            message = receiver.recv() => message,
            // What is left is in the socket, which ends with the worker, unless a process that the
            // worker started holds the other end.
            () = told.has_ended.notified(), if limit.is_none() => {
                limit = Some(LAST_WORDS);
                continue;
            }
            () = sleep(limit.unwrap_or_default()), if limit.is_some() => return receiver,
        };
        let said = match message {
            Ok(message) => Notice::Said { id, message },
            Err(error) if error.is_garbage() => {
                let _ = notice.send(Notice::Garbled { id, error }).await;
                return receiver;
            }
            // Its end is known: this is the end of file that comes with it.
            Err(_) if limit.is_some() => return receiver,
            // End of file, 30 µs after a kill -9. A worker that has closed its end and lives on can't
            // be told anything, and drains never.
            Err(error) => {
                let is_known = async {
                    tokio::select! {
                        () = told.has_ended.notified() => {}
                        () = told.stop.notified() => {}
                    }
                };
                if timeout(CLOSED_LIMIT, is_known).await.is_err() {
                    let _ = notice.send(Notice::Garbled { id, error }).await;
                }
                return receiver;
            }
        };
        if notice.send(said).await.is_err() {
            return receiver;
        }
    }
}
