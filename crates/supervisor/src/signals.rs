//! The signals that ask a service to stop, as a stream.
//!
//! From the moment a stream is installed the signal no longer ends the process: it waits in the
//! stream until the program reads it. So install the stream before you tell anyone that you are up.

use std::{future::pending, io};

use futures_util::FutureExt;
use tokio::{
    signal::unix::{self, SignalKind},
    task::yield_now,
};

/// A request to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: a service manager, an orchestrator, `kill`.
    Terminate,
    /// SIGINT: Ctrl-C in a terminal, which sends it to every process of the group.
    Interrupt,
    /// SIGHUP: the terminal was closed.
    Hangup,
}

impl Signal {
    /// Its name, such as `SIGTERM`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
            Signal::Hangup => "SIGHUP",
        }
    }
}

/// The signals that reach this process.
pub struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hangup: Option<unix::Signal>,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP from their default, which is to end the process.
    ///
    /// # Errors
    /// When the handlers can't be installed.
    pub fn install() -> io::Result<Self> {
        let hangup = unix::signal(SignalKind::hangup())?;
        Ok(Signals { hangup: Some(hangup), ..Self::install_but_hangup()? })
    }

    /// The same for a service to which SIGHUP means something else.
    ///
    /// # Errors
    /// As for [`Self::install`].
    pub fn install_but_hangup() -> io::Result<Self> {
        let terminate = unix::signal(SignalKind::terminate())?;
        let interrupt = unix::signal(SignalKind::interrupt())?;
        Ok(Signals { terminate, interrupt, hangup: None })
    }

    /// The next signal. Cancel safe.
    pub async fn next(&mut self) -> Signal {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = hangup => Signal::Hangup,
        }
    }

    /// The signals that were caught and not read. Block all signals before, or further ones come meanwhile.
    pub async fn unread(&mut self) -> Vec<Signal> {
        caught().await;
        let hangup = self.hangup.as_mut().and_then(is_unread).map(|()| Signal::Hangup);
        let terminate = is_unread(&mut self.terminate).map(|()| Signal::Terminate);
        let interrupt = is_unread(&mut self.interrupt).map(|()| Signal::Interrupt);
        [terminate, interrupt, hangup].into_iter().flatten().collect()
    }
}

/// Waits until everything that a handler has caught before is in its stream. The way there leads through the
/// event loop.
pub async fn caught() {
    // It comes back after the event loop has looked for news.
    yield_now().await;
}

/// Takes a signal out of `stream` that is there.
pub fn is_unread(stream: &mut unix::Signal) -> Option<()> {
    stream.recv().now_or_never().flatten()
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal::SIGHUP, raise};

    use super::*;

    #[tokio::test]
    async fn a_signal_that_was_caught_and_not_read_is_known_once() {
        let mut signals = Signals::install().expect("handlers");
        assert_eq!(signals.unread().await, []);
        raise(SIGHUP).expect("a process of our own");
        raise(SIGHUP).expect("a process of our own");
        assert_eq!(signals.unread().await, [Signal::Hangup]);
        assert_eq!(signals.unread().await, []);
    }
}
