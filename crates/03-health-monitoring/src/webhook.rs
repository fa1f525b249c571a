//! Where alerts go: one POST each, to a program that is not ours.

use std::io;

use events::{Alert, Event, HealthEvent};
use supervisor::post;
use url::Url;

use crate::Config;

/// The receiver of alerts, if there is one.
#[derive(Clone, Debug)]
pub struct Webhook(Option<Url>);

impl Webhook {
    /// The webhook that `ALERT_URL` names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Webhook(config.alert_url.clone())
    }

    /// POSTs `alert` as JSON, and waits for the answer: for as long as that takes.
    ///
    /// # Errors
    /// When the receiver is not there, or does not answer with success.
    pub async fn post(&self, alert: &Alert) -> io::Result<()> {
        let Some(url) = &self.0 else { return Ok(()) };
        let event = Event::from(HealthEvent::Alert(alert.clone()));
        let answer = post(url, "application/json", serde_json::to_vec(&event)?).await?;
        let status = answer.status();
        if status.is_success() { Ok(()) } else { Err(io::Error::other(status.to_string())) }
    }
}
