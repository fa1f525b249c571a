//! Alerts that hold nothing up.
//!
//! Whoever receives them may be down, slow, or ill of the same cause. So they wait in a queue that
//! has an end, and a task of its own sends them, with a deadline for each.

use std::time::Duration;

use events::{Event, emit};
use tokio::{sync::mpsc, time::timeout};

use crate::given::Webhook;

/// More than these wait for nobody: the oldest tell most, so it is the newest that are dropped.
const QUEUE: usize = 100;
/// How long the receiver may take for one.
const LIMIT: Duration = Duration::from_secs(2);

/// The way out for alerts.
pub struct Alerts(mpsc::Sender<Event>);

impl Alerts {
    /// Begins to send what is raised to `webhook`.
    #[must_use]
    pub fn start(webhook: Webhook) -> Self {
        let (sender, mut queue) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(alert) = queue.recv().await {
                // There is nobody else to tell that it can't be told.
                let _ = timeout(LIMIT, webhook.post(&alert)).await;
            }
        });
        Alerts(sender)
    }

    /// Reports `alert`, and sends it as soon as its turn comes.
    pub fn raise(&self, alert: Event) {
        emit(&alert);
        let _ = self.0.try_send(alert);
    }
}
