//! Signals become an intent here, at the edge. Nothing further in knows what SIGTERM is.

use crate::signals::{Signal, Signals};

/// What the sender of a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// The first signal: finish what you hold, then exit.
    Shutdown,
    /// Any further one: exit now.
    ShutdownNow,
}

/// The intents behind the signals that arrive.
pub struct Intents {
    signals: Signals,
    last: Option<Signal>,
}

impl Intents {
    /// Reads `signals`.
    #[must_use]
    pub fn new(signals: Signals) -> Self {
        Intents { signals, last: None }
    }

    /// The next intent. Signals aren't a queue: several of a kind that arrive together are one.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Intent {
        let signal = self.signals.next().await;
        match self.last.replace(signal) {
            None => Intent::Shutdown,
            Some(_) => Intent::ShutdownNow,
        }
    }

    /// The signals that were caught and not read: see [`Signals::unread`]. They change no intent.
    pub async fn unread(&mut self) -> Vec<Signal> {
        self.signals.unread().await
    }

    /// The signal that came last.
    #[must_use]
    pub fn last(&self) -> Option<Signal> {
        self.last
    }

    /// The name of that signal.
    #[must_use]
    pub fn last_name(&self) -> &'static str {
        self.last.map_or("no signal", Signal::name)
    }
}
