//! Worker pools: what exercise 5 gets. A primary that answers clients, workers that run tasks, and a
//! file in which accepted tasks survive.
//!
//! Nothing in here decides *which* task runs when, where, or how often. That is what the chapter is
//! about.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! Config     queue_limit, credit, max_attempts, task_timeout, results_limit
//! Place      config, spool, recovered: what a pool is made of
//! Id         next()
//! Work       kind, n; priority, key (extras)
//! Task       new(id, work): id, work, attempts, state
//! State      Queued, Held(pid), Processing(pid), Completed(result), Failed(reason), Cancelled
//!            is_waiting(): accepted and not started (Queued or Held)
//!            worker(): the pid in Held and Processing
//!            has_ended(): Completed, Failed or Cancelled
//! Reason     Attempts, Deadline
//! Spool      write(&task): survives every process when it returns; forget(id)
//! Recovered  tasks, in the order in which they were written last; next
//! Refusal    Full (429), Spool(error) (503); `?` turns an error of the spool into it; Conflict (an extra)
//! Cancel     Done, Forget(pid), Kill(pid), TooLate (an extra)
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before there is a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`pool`] | the trait that the exercise implements |
//! | [`work`], [`task`] | what a client asks for, and what becomes of it |
//! | [`spool`] | the file in which tasks survive |
//! | [`talk`] | what primary and workers say to each other |
//! | `primary` | answers clients, hands out tasks, replaces workers, ends |
//! | `routes` | the routes of PROTOCOL.md |
//! | `worker` | starts one task after the other, and hears its primary meanwhile |
//! | `compute` | what a task does |
//! | `journal` | what workers start and finish, as evidence |

mod compute;
pub mod config;
mod journal;
pub mod pool;
mod primary;
pub mod routes;
pub mod run;
pub mod spool;
pub mod talk;
pub mod task;
pub mod work;
mod worker;

#[doc(inline)]
pub use events::{Pid, Slot, warn};
pub use serde_json::Value;

pub use self::{
    config::Config,
    pool::{Cancel, Place, Refusal, TaskPool},
    routes::{Question, Reply, Wish},
    run::{run, run_with},
    spool::{Recovered, Spool},
    task::{Id, Reason, State, Task},
    work::{Kind, Work},
};
