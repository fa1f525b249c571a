//! A cluster that changes its version under load, and loses no request.
//!
//! ```text
//! cargo xtask run 02-rolling-restart            # the tour, then a cluster of your own to roll
//! cargo xtask run 02-rolling-restart --serve    # only the cluster
//! curl http://127.0.0.1:8000/                   # who answers, and which version
//! kill -USR2 PID                                # the next version
//! curl http://127.0.0.1:8000/roll               # how that went
//! ```
//! `FAULTS=1.1.0:never-ready` breaks a deploy.
//!
//! Guarantees:
//! 1. Each slot has a worker, whatever workers die of. A worker that keeps dying is started less and
//!    less often.
//! 2. A roll replaces every worker, and never has fewer of them ready, nor more of them alive, than
//!    its limits allow.
//! 3. An old worker is told to drain only when a new one is ready.
//! 4. No request is lost to a roll.
//! 5. A version that does not come up, or keeps dying, is given up: every slot runs the old one
//!    again, and the operator who asked can learn of it.
//! 6. One roll at a time. Asked again meanwhile, however often, it rolls once more.
//! 7. A worker that does not drain in time is killed, in a roll as at the end.
//!
//! | file | idea |
//! |---|---|
//! | `plan` | what may be done now to bring each slot to a version |
//! | `rollout` | which version that is, as a pure state machine |
//! | `primary` | the driver: select, step, make each allowed move |
//!
//! `plan` never imports `rollout`, `primary`.
//! `rollout` never imports `primary`.

mod plan;
mod primary;
mod rollout;

use std::process::ExitCode;

fn main() -> ExitCode {
    rolling_restart::run(primary::primary)
}
