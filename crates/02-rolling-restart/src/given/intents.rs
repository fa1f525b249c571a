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
    is_stopping: bool,
}

impl Intents {
    /// Takes the signals over from their default, which for all of them is to end the process.
    ///
    /// # Errors
    /// When the handlers can't be installed.
    pub(super) fn install() -> io::Result<Self> {
        Ok(Intents {
            roll: signal(SignalKind::user_defined2())?,
            roll_back: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            is_stopping: false,
        })
    }

    /// The next intent. Signals are no queue: several of a kind that arrive together are one.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Intent {
        tokio::select! {
            _ = self.terminate.recv() => self.stop(),
            _ = self.interrupt.recv() => self.stop(),
            _ = self.roll.recv() => Intent::Roll,
            _ = self.roll_back.recv() => Intent::RollBack,
        }
    }

    fn stop(&mut self) -> Intent {
        if std::mem::replace(&mut self.is_stopping, true) {
            Intent::ShutdownNow
        } else {
            Intent::Shutdown
        }
    }
}
