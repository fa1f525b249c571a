//! A build that made nothing, and not because of its sources.

use std::{io, time::Duration};

use anyhow::anyhow;
use events::numbers::count;

use crate::exit::Failure;

/// Cargo says nothing any more.
pub(super) struct Hang {
    /// For how long.
    pub(super) time: Duration,
    /// Whether it last said that another build holds its lock.
    pub(super) is_blocked: bool,
}

impl Hang {
    /// What a person reads; `last` is what cargo said last.
    pub(super) fn failure(&self, last: Option<&String>) -> Failure {
        let time = match self.time.as_secs() {
            seconds if seconds < 60 => format!("{} s", self.time.as_secs_f64()),
            seconds => count(usize::try_from(seconds / 60).unwrap_or(usize::MAX), "minute"),
        };
        if self.is_blocked {
            return Failure::Environment(format!(
                "After {time} the runner stopped waiting for another build in this folder; end that \
                 build, and try again."
            ));
        }
        let last = last.map_or(String::new(), |line| format!(" after \"{}\"", line.trim()));
        Failure::Environment(format!(
            "The build was ended, because cargo said nothing for {time}{last}; `cargo build -v` \
             shows the command that hangs."
        ))
    }
}

pub(super) fn missing_cargo(error: &io::Error) -> Failure {
    Failure::Environment(format!(
        "Cargo can't be started ({error}); https://rustup.rs installs it."
    ))
}

/// Cargo failed without an error in any source file: usually the machine lacks something.
pub(super) fn explain(complaints: &str) -> Failure {
    const OF_THE_MACHINE: [&str; 9] = [
        "Cannot allocate memory",
        "Read-only file system",
        "Resource temporarily unavailable",
        "Too many open files",
        "failed to download",
        "failed to get",
        "No space left",
        "Permission denied",
        "is not installed",
    ];
    if OF_THE_MACHINE.iter().any(|sign| complaints.contains(sign)) {
        return Failure::Environment(format!(
            "Cargo can't build here; `cargo xtask doctor` looks at the machine.\n{complaints}"
        ));
    }
    Failure::Grader(anyhow!("cargo failed:\n{complaints}"))
}
