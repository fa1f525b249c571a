//! The last steps: everything stands still, is written down, and the next program goes on with it; or this one.
//!
//! ```text
//! quiet    the tasks that hear workers end where they are; half a frame is kept
//! mask     all signals wait; those that were caught and not read are raised again, so they wait, too
//! deaths   what was heard before counts: who is dead has left its slot. From here on nothing waits.
//! will     words and descriptors into a socket
//! exec     that socket is descriptor 0
//! ```
//! A worker that dies after its task has ended is reaped by no task: it stays a zombie, and its pid its own,
//! until the next program reaps it. A worker that was reaped, and still is in the will, would be a stranger.

use std::{
    io,
    net::TcpListener,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use cluster_basics::inherited::{block_all, unblock_all};
use nix::sys::signal::{
    self,
    Signal::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    raise,
};
use supervisor::{
    Intents, Signal,
    signals::caught,
    workers::{WorkersHandover, WorkersRecord},
};
use zero_downtime_deploy::{admin::Admin, primary::Primary, talk::Workers};

use crate::{
    canary::Canary,
    exec::exec,
    replacement::Replacement,
    will::{FORMAT, Legacy, Will},
};

/// How long the reader of stdout may take for the lines that wait. They would be lost.
const LAST_LINES: Duration = Duration::from_millis(200);

/// A primary, and everything that it holds.
pub(crate) struct Running {
    pub(crate) primary: Primary<Canary>,
    pub(crate) workers: Workers,
    pub(crate) intents: Intents,
    pub(crate) replacement: Replacement,
    /// The operators' socket.
    pub(crate) admin: TcpListener,
    /// How many programs this primary was before.
    pub(crate) generation: u32,
}

impl Running {
    /// The will as it is now, for a rehearsal. The workers' channels are in use.
    pub(crate) fn draft(&self) -> io::Result<Legacy> {
        Ok(Legacy {
            will: will(&self.primary, self.generation, unix_micros(), self.workers.record_now()),
            listener: self.workers.listener()?,
            admin: self.admin.try_clone()?,
            channels: Vec::new(),
        })
    }

    /// Becomes the next program. Returns only if that failed: then this program goes on, and has said why.
    ///
    /// # Errors
    /// When there is no way back either.
    pub(crate) async fn become_the_next(self) -> io::Result<Self> {
        let Running { mut primary, workers, mut intents, mut replacement, admin, generation } =
            self;
        let (settings, min_ready) = (workers.settings(), workers.min_ready_for());
        let left_at = unix_micros();
        // Quiet.
        let (mut handover, before) = workers.take_apart().await?;
        // Mask.
        block_all()?;
        raise_unread(&mut intents, &mut replacement).await?;
        // Deaths.
        for notice in before {
            if let Some((pid, order)) = primary.hear(notice) {
                handover.tell_one(pid, order);
            }
        }
        // Will and exec.
        let WorkersHandover { record, listener, channels } = handover;
        let will = will(&primary, generation, left_at, record);
        let legacy = Legacy { will, listener, admin, channels };
        replacement.refuse(&attempt(replacement.program(), &legacy));
        // Back: the same way as in the next program.
        let (_, handover, admin) = legacy.into_parts();
        let address = admin.local_addr()?;
        let workers =
            Workers::put_together(settings, handover)?.min_ready(min_ready).admin(address);
        primary.accept(Admin::start(admin.try_clone()?));
        primary.hold_deploys(false);
        unblock_all()?;
        Ok(Running { primary, workers, intents, replacement, admin, generation })
    }
}

/// Executes `program`, or says why that failed.
fn attempt(program: &Path, legacy: &Legacy) -> String {
    if !events::flush(LAST_LINES) {
        return "what this program prints is not read, and would be lost".to_owned();
    }
    exec(program, legacy).to_string()
}

fn will(primary: &Primary<Canary>, generation: u32, left_at: u64, workers: WorkersRecord) -> Will {
    Will {
        format: FORMAT,
        generation,
        left_at,
        workers,
        primary: primary.record(Instant::now()),
        canary: primary.deploys().record(),
    }
}

/// What a handler has caught would be lost with this program. Raised again it waits, because all signals are
/// blocked, and the next program finds it.
async fn raise_unread(intents: &mut Intents, replacement: &mut Replacement) -> io::Result<()> {
    caught().await;
    for signal in intents.unread().await {
        raise(number(signal))?;
    }
    if replacement.is_asked_again() {
        raise(SIGUSR1)?;
    }
    Ok(())
}

fn number(signal: Signal) -> signal::Signal {
    match signal {
        Signal::Terminate => SIGTERM,
        Signal::Interrupt => SIGINT,
        Signal::Hangup => SIGHUP,
    }
}

/// Unlike an `Instant` it means the same in every program.
pub(crate) fn unix_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
