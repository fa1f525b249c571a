//! Workers that call each other, through their primary: each call ends exactly once, by its deadline.
//!
//! ```text
//! cargo xtask run 04-advanced-ipc                     # the tour, then a cluster of your own to harm
//! cargo xtask run 04-advanced-ipc --serve             # only the cluster
//! curl 'http://127.0.0.1:8000/ask/2?text=hello'       # any worker asks worker 2
//! curl 'http://127.0.0.1:8000/broadcast?text=hello'   # all of them, and the missing workers
//! kill -STOP WORKER_PID                               # one reads nothing any more
//! curl 'http://127.0.0.1:8000/descriptor'             # a file that only the primary can open
//! ```
//! Guarantees:
//! 1. A call is sent at most once and ends exactly once, by its deadline: with an answer, or with the
//!    reason that there is none.
//! 2. An answer reaches its own caller. A late or second one reaches no caller: no id is used twice.
//! 3. A worker that is frozen or dies costs only the calls that it was asked. Those of a dead worker
//!    fail at once, but the ones that it had answered.
//! 4. A message is delivered at most once, in the order in which it was accepted for that worker.
//! 5. A broadcast asks all workers at once, and names those that are missing.
//! 6. Each table and each queue has a bound; what does not fit is refused, and nothing of it is sent.
//! 7. A call gives its place back however it ends, also when the worker that asked is gone.
//! 8. A descriptor reaches a process that the kernel names as a worker of this primary, or no process.
//!
//! | file | idea |
//! |---|---|
//! | `table` | the calls that are open on one link, and what becomes of each |
//! | `calls` | the same, shared by the tasks that wait; a guard gives the place back |
//! | `peer` | one call: open, send, wait, and one deadline around all of it |
//! | `gather` | many calls at once, and no failure left out |
//! | `outbox` | messages that were accepted, and are not acknowledged yet |
//! | `colleague` | what the primary has of one worker process |
//! | `worker` | a worker's side: all its calls go to the primary |
//! | `exchange` | the primary's side: what goes where |
//! | `primary` | the driver: keep a worker in each slot, hear, pass on |
//! | `descriptor` | one descriptor over a Unix socket |
//! | `handover` | where workers fetch it, and which process may |
//!
//! `table` never imports `calls`, `peer`, `exchange`.
//! `peer` never imports `exchange`, `worker`.
//! `outbox` never imports `exchange`, `primary`.

mod calls;
mod colleague;
#[cfg(target_os = "linux")]
mod descriptor;
mod exchange;
mod gather;
#[cfg(target_os = "linux")]
mod handover;
mod outbox;
mod peer;
mod primary;
mod table;
mod worker;

use std::process::ExitCode;

fn main() -> ExitCode {
    advanced_ipc::run(primary::primary, worker::Caller::new)
}
