//! Where a replacement of the primary is. Until its last step the primary does everything that it always does.
//!
//! ```text
//!   Idle ──SIGUSR1──▶ Rehearsing ──fit──▶ Pausing ──no operator is left──▶ (standstill, exec)
//!    ▲                    │                                                     │
//!    └──────unfit─────────┴────────────────────── refused ◀─────────────────────┘
//! ```

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
};

use events::{PrimaryEvent, emit};
use tokio::signal::unix::{Signal, SignalKind, signal};

type Waiting<T> = Pin<Box<dyn Future<Output = T>>>;

/// What the operators who replace this primary want, and how far that is.
pub(crate) struct Replacement {
    /// `NEXT_PROGRAM`.
    program: PathBuf,
    asked: Signal,
    /// Whether one was asked for that has not begun. Asked for several times, it is one.
    is_due: bool,
    stage: Stage,
}

enum Stage {
    Idle,
    Rehearsing(Waiting<Result<(), String>>),
    Pausing(Waiting<()>),
}

/// What happens to a replacement.
pub(crate) enum Progress {
    /// An operator asked.
    Asked,
    /// The next program has proved itself, or not, for this reason.
    Rehearsed(Result<(), String>),
    /// No operator waits for an answer any more.
    Paused,
}

impl Replacement {
    /// SIGUSR1 asks from now on.
    pub(crate) fn by(program: PathBuf) -> io::Result<Self> {
        let asked = signal(SignalKind::user_defined1())?;
        Ok(Replacement { program, asked, is_due: false, stage: Stage::Idle })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// What happens next. Cancel safe.
    pub(crate) async fn next(&mut self) -> Progress {
        let progress = async {
            match &mut self.stage {
                Stage::Idle => std::future::pending().await,
                Stage::Rehearsing(rehearsal) => Progress::Rehearsed(rehearsal.await),
                Stage::Pausing(pause) => {
                    pause.await;
                    Progress::Paused
                }
            }
        };
        tokio::select! {
            progress = progress => {
                // It is over, and must not be waited for again.
                self.stage = Stage::Idle;
                progress
            }
            _ = self.asked.recv() => {
                self.is_due = true;
                Progress::Asked
            }
        }
    }

    /// Whether a replacement must begin now. One that was asked for in the middle of another one comes after it.
    pub(crate) fn begins(&mut self) -> bool {
        let is_idle = matches!(self.stage, Stage::Idle);
        is_idle && std::mem::take(&mut self.is_due)
    }

    pub(crate) fn rehearse(
        &mut self,
        rehearsal: impl Future<Output = Result<(), String>> + 'static,
    ) {
        emit(PrimaryEvent::Rehearses { program: self.name() });
        self.stage = Stage::Rehearsing(Box::pin(rehearsal));
    }

    pub(crate) fn pause(&mut self, pause: impl Future<Output = ()> + 'static) {
        self.stage = Stage::Pausing(Box::pin(pause));
    }

    /// The primary goes on as it is.
    pub(crate) fn refuse(&mut self, reason: &str) {
        let reason = events::timeline::clip(reason, LONGEST_REASON);
        emit(PrimaryEvent::Kept { program: self.name(), reason });
    }

    /// Whether a signal asked that has not been heard: after [`supervisor::signals::caught`].
    pub(crate) fn is_asked_again(&mut self) -> bool {
        supervisor::signals::is_unread(&mut self.asked).is_some() || self.is_due
    }

    fn name(&self) -> String {
        events::timeline::clip(&self.program.to_string_lossy(), LONGEST_REASON)
    }
}

/// In characters: an event has at most 1 KiB.
const LONGEST_REASON: usize = 200;
