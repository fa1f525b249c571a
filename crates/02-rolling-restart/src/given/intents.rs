//! Signals become intents here, at the edge. Nothing further in knows what SIGUSR2 is.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// SIGUSR2: the next version.
    Roll,
    /// SIGHUP: the version before this one.
    RollBack,
    /// The first SIGTERM or SIGINT: finish what you hold, then exit.
    Shutdown,
    /// Any further one: exit now.
    ShutdownNow,
}

/// The intents behind the signals that arrive.
pub struct Intents {
    roll: Signal,
    roll_back: Signal,
    terminate: Signal,
    interrupt: Signal,
    asked_by: Option<&'static str>,
}

impl Intents {
    /// Takes the signals over from their default, which for all of them is to end the process.
    ///
    /// # Errors
    /// When the handlers can't be installed.
    pub fn install() -> io::Result<Self> {
        Ok(Intents {
            roll: signal(SignalKind::user_defined2())?,
            roll_back: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            asked_by: None,
        })
    }

    /// The next intent. Signals are no queue: several of a kind that arrive together are one.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Intent {
        tokio::select! {
            _ = self.terminate.recv() => self.stop("SIGTERM"),
            _ = self.interrupt.recv() => self.stop("SIGINT"),
            _ = self.roll.recv() => Intent::Roll,
            _ = self.roll_back.recv() => Intent::RollBack,
        }
    }

    /// The name of the signal that asked for the end last.
    #[must_use]
    pub fn last_name(&self) -> &'static str {
        self.asked_by.unwrap_or("no signal")
    }

    fn stop(&mut self, name: &'static str) -> Intent {
        match self.asked_by.replace(name) {
            None => Intent::Shutdown,
            Some(_) => Intent::ShutdownNow,
        }
    }
}
