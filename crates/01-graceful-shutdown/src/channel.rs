//! A worker's end of the channel to its primary.

use cluster_basics::channel::{Receiver, Sender};

use crate::{FromWorker, ToWorker};

/// The primary, as a worker sees it.
pub struct Primary {
    pub(crate) sender: Sender<FromWorker>,
    pub(crate) receiver: Receiver<ToWorker>,
}

impl Primary {
    /// What the primary says next. `None` means that it is gone, by whatever death. Cancel safe.
    pub async fn hear(&mut self) -> Option<ToWorker> {
        self.receiver.recv().await.ok()
    }

    /// Tells the primary `message`. If the primary is gone, the message is dropped, and
    /// [`Self::hear`] returns `None`.
    pub async fn tell(&mut self, message: FromWorker) {
        let _ = self.sender.send(&message).await;
    }
}
