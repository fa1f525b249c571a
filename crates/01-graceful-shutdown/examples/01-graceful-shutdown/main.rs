//! A cluster that loses nothing when it is told to stop.
//!
//! ```text
//! cargo xtask run 01-graceful-shutdown            # the tour, then a cluster of your own to poke
//! cargo xtask run 01-graceful-shutdown --serve    # only the cluster: Ctrl-C it, twice if you like
//! ```
//! Guarantees:
//! 1. A request that was accepted before the signal is answered whole.
//! 2. While draining, a new connection is refused at once; a kept-alive one is told
//!    `Connection: close` and served until then.
//! 3. What was acknowledged is on disk when the process exits.
//! 4. The drain takes no longer than its timeout. What it cuts off, it says: exit code 1.
//! 5. A second signal ends it at once.
//! 6. No process is left behind, also when the primary dies by SIGKILL.
//!
//! | file | idea |
//! |---|---|
//! | `sequence` | the primary's phases, as a pure state machine |
//! | `primary` | the driver: select, step, perform |
//! | `worker` | a worker takes resources, serves, drains, and gives them back |
//! | `drain` | stop accepting, lame duck, close idle, cut |
//! | `cleanup` | releases resources in reverse order, with a limit for each |
//!
//! `sequence` never imports `primary`, `worker`.

mod cleanup;
mod drain;
mod primary;
mod sequence;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    graceful_shutdown::run(primary::primary, worker::worker)
}
