//! How fast the program starts on this machine, for limits that a promise is about.
//!
//! A runtime may need a second until it serves, and more beside other checks. A timeout of two
//! seconds would then be about the machine.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use harness::{Kept, Trial, patience, who};

use crate::scene::WORKERS;

/// How long four starts side by side took, measured once in each check: one start alone takes less.
fn four_starts(trial: &Trial) -> Kept<Duration> {
    static MEASURED: OnceLock<Duration> = OnceLock::new();
    if let Some(measured) = MEASURED.get() {
        return Ok(*measured);
    }
    let began = Instant::now();
    let cluster = trial.start(&[])?;
    who::meet_all(trial, &cluster, "/", WORKERS)?;
    Ok(*MEASURED.get_or_init(|| began.elapsed()))
}

/// `least`, or longer where three times a measured start is longer: a good start takes less than that.
pub(crate) fn longer_than_a_start(trial: &Trial, least: Duration) -> Kept<Duration> {
    Ok(patience(least).max(four_starts(trial)? * 3))
}

/// A `READY_TIMEOUT_MS` that a check waits for, and that a good version keeps.
pub(crate) fn ready_timeout(trial: &Trial) -> Kept<Duration> {
    longer_than_a_start(trial, Duration::from_secs(2))
}

/// A duration as a setting has it.
pub(crate) fn millis(time: Duration) -> String {
    time.as_millis().to_string()
}
