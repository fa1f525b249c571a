//! Signals become an intent here, at the edge. Nothing further in knows what SIGTERM is.

use std::time::Duration;

use crate::given::{Config, Signal, Signals};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Finish what you hold, within this time.
    Graceful(Duration),
    /// Stop now.
    Now,
}

/// The intents behind the signals that arrive.
pub struct Intents {
    signals: Signals,
    first: Option<Signal>,
}

impl Intents {
    /// Reads `signals`.
    #[must_use]
    pub fn new(signals: Signals) -> Self {
        Intents { signals, first: None }
    }

    /// The next intent: the first signal asks, any further one insists. Cancel safe.
    pub async fn next(&mut self, config: &Config) -> Shutdown {
        let signal = self.signals.next().await;
        match self.first.replace(signal) {
            None => Shutdown::Graceful(config.drain_timeout(signal)),
            Some(_) => Shutdown::Now,
        }
    }

    /// The name of the signal that came last.
    #[must_use]
    pub fn last_name(&self) -> &'static str {
        self.first.map_or("", Signal::name)
    }
}
