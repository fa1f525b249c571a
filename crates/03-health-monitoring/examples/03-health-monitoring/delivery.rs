//! Alerts that hold nothing up.
//!
//! The receiver may be down, slow, or ill of the same cause. So alerts wait in a bounded queue, and a
//! task of its own sends them, with a deadline for each.

use std::time::Duration;

use health_monitoring::{Alert, HealthEvent, Webhook, emit};
use tokio::{sync::mpsc, time::timeout};

/// The longest queue. The oldest alerts tell most about a cause, so the newest are dropped.
const QUEUE: usize = 100;
/// How long the receiver may take for one alert.
const LIMIT: Duration = Duration::from_secs(2);

/// The way out for alerts.
pub(crate) struct Delivery(mpsc::Sender<Alert>);

impl Delivery {
    /// Begins to send what is raised to `webhook`.
    pub(crate) fn start(webhook: Webhook) -> Self {
        let (sender, mut queue) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            while let Some(alert) = queue.recv().await {
                // A delivery failure is dropped: there is no other channel to report it on.
                let _ = timeout(LIMIT, webhook.post(&alert)).await;
            }
        });
        Delivery(sender)
    }

    /// Reports `alert`, and sends it as soon as its turn comes.
    pub(crate) fn raise(&self, alert: Alert) {
        emit(HealthEvent::Alert(alert.clone()));
        // Without room it is dropped: it stands on stdout all the same.
        let _ = self.0.try_send(alert);
    }
}
