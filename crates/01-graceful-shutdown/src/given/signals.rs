//! The two signals that ask a service to stop, as a stream.
//!
//! From the moment a stream is installed the signal no longer ends the process: it waits in the
//! stream until somebody reads it. So install it before you tell anybody that you are up.

use std::io;

use tokio::signal::unix::{self, SignalKind};

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: a service manager, an orchestrator, `kill`.
    Terminate,
    /// SIGINT: Ctrl-C in a terminal, which sends it to every process of the group.
    Interrupt,
}

impl Signal {
    /// Its name, such as `SIGTERM`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
        }
    }
}

/// The signals that reach this process.
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT from their default, which is to end the process.
    ///
    /// # Errors
    /// When the handlers can't be installed.
    pub fn install() -> io::Result<Self> {
        let terminate = unix::signal(SignalKind::terminate())?;
        let interrupt = unix::signal(SignalKind::interrupt())?;
        Ok(Signals { terminate, interrupt })
    }

    /// The next signal. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
        }
    }
}
