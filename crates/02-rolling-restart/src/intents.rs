//! SIGUSR2 and SIGHUP become intents here, beside the two that every cluster has.

use std::io;

use supervisor::{Signals, Terminal};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What the sender of a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// SIGUSR2: the next version.
    Roll,
    /// SIGHUP from an operator: the version before this one.
    RollBack,
    /// The first SIGTERM or SIGINT, or a closed terminal: finish what you hold, then exit.
    Shutdown,
    /// Any further one: exit now.
    ShutdownNow,
}

impl From<supervisor::Intent> for Intent {
    fn from(intent: supervisor::Intent) -> Self {
        match intent {
            supervisor::Intent::Shutdown => Intent::Shutdown,
            supervisor::Intent::ShutdownNow => Intent::ShutdownNow,
        }
    }
}

/// The intents behind the signals that arrive.
pub struct Intents {
    roll: Signal,
    roll_back: Signal,
    terminal: Terminal,
    shutdown: supervisor::Intents,
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
            terminal: Terminal::look(),
            shutdown: supervisor::Intents::new(Signals::install_but_hangup()?),
        })
    }

    /// The next intent. Signals aren't a queue: several of a kind that arrive together are one.
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Intent {
        tokio::select! {
            intent = self.shutdown.next() => intent.into(),
            _ = self.roll.recv() => Intent::Roll,
            // A closed terminal sends SIGHUP, too. That asks for the end.
            _ = self.roll_back.recv() => {
                if self.terminal.was_closed() { Intent::Shutdown } else { Intent::RollBack }
            }
        }
    }

    /// Leaves the two that end the cluster: no roll begins any more.
    #[must_use]
    pub fn into_shutdown(self) -> supervisor::Intents {
        self.shutdown
    }
}
