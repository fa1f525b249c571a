//! A cluster that changes its version under load, and loses nothing.
//!
//! ```text
//! cargo xtask run 02-rolling-restart            # the tour, then a cluster of your own to roll
//! cargo xtask run 02-rolling-restart --serve    # only the cluster
//! curl http://127.0.0.1:8000/                   # who answers, and which version
//! kill -USR2 PID                                # the next version
//! curl http://127.0.0.1:8000/roll               # how that went
//! ```
//! The primary is [`rolling_restart::primary`]; `FAULTS=1.1.0:never-ready` breaks a deploy.

use std::process::ExitCode;

use rolling_restart::{given, primary};

fn main() -> ExitCode {
    given::run(primary)
}
