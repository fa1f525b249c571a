//! A worker's view of its primary.

use cluster_basics::channel::{Receiver, Sender};

use super::{FromWorker, ToWorker};

/// The channel to the primary.
pub struct Primary {
    pub(super) sender: Sender<FromWorker>,
    pub(super) receiver: Receiver<ToWorker>,
}

impl Primary {
    /// What the primary says next. `None` means that it is gone, by whatever death. Cancel safe.
    pub async fn hear(&mut self) -> Option<ToWorker> {
        self.receiver.recv().await
    }

    /// Tells the primary `message`. If it is gone, [`Self::hear`] says so; nobody listens here.
    pub async fn tell(&mut self, message: FromWorker) {
        let _ = self.sender.send(&message).await;
    }
}
