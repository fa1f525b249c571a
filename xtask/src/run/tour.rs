//! The process of a tour: what it is told, and how it is started.

use std::{
    path::Path,
    process::{Child, Command},
};

use anyhow::Context;
use colored::control::SHOULD_COLORIZE;
use nix::sys::signal::{SigSet, Signal};

use crate::{cargo::Target, exit::Failure, scratch, terminal::is_watched, workspace::Workspace};

/// What cargo builds for it.
pub(super) fn tour() -> Target {
    Target::Test("tour".into())
}

/// Starts a tour. It writes to the terminal from a process group of its own, which `stty tostop` forbids
/// unless SIGTTOU is blocked.
pub(super) fn spawn_in_background(tour: &mut Command) -> Result<Child, Failure> {
    let signal: SigSet = [Signal::SIGTTOU].into_iter().collect();
    signal.thread_block().context("SIGTTOU can't be blocked")?;
    let child = processes::spawn(tour);
    signal.thread_unblock().context("SIGTTOU can't be unblocked")?;
    Ok(child.context("the tour can't start")?)
}

/// The tour in `binary`, against the program that `command` starts.
pub(super) fn tour_of(
    workspace: &Workspace,
    binary: &Path,
    command: &str,
    json: bool,
) -> anyhow::Result<Command> {
    let mut tour = Command::new(binary);
    processes::guard_of_its_own(&mut tour)
        .current_dir(&workspace.root)
        .env("SUBJECT", command)
        .env("TOUR_FORMAT", if json { "json" } else { "text" })
        .env_remove("RUST_BACKTRACE")
        .env_remove("TOUR_STAY")
        .env_remove("SUBJECT_ENV")
        .env("TMPDIR", scratch::temporary()?);
    tour.env(if SHOULD_COLORIZE.should_colorize() { "CLICOLOR_FORCE" } else { "NO_COLOR" }, "1");
    if SHOULD_COLORIZE.should_colorize() {
        tour.env_remove("NO_COLOR");
    }
    if is_watched() && !json {
        tour.env("TOUR_STAY", "1");
    }
    Ok(tour)
}
