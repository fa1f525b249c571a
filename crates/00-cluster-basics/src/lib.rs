//! Level 1 in Rust: what Node's `cluster` module gives for free.
//!
//! Guarantees:
//! 1. One socket listens, from the first worker to the last; no connection is refused because a
//!    worker comes or goes.
//! 2. Connections are spread: workers that wait for one get it in turn.
//! 3. A worker gets the listener and its channel, and no other descriptor of its primary.
//! 4. The primary learns of every worker's end, and reaps the worker.
//! 5. A worker learns of its primary's end within a millisecond or so, also when the primary died
//!    by SIGKILL.
//!
//! | file | idea |
//! |---|---|
//! | [`config`] | settings from the environment, refused with one plain sentence |
//! | [`listener`] | bind once, inherit everywhere |
//! | [`inherited`] | signals that were inherited blocked, ignored, or waiting |
//! | [`spawn`] | a worker is this same program, started again |
//! | [`channel`] | typed messages between primary and worker |
//! | [`worker`] | what a worker finds when it starts |
//! | `process` | a worker's process, reaped by its pid |
//! | [`cluster`] | the primary's side: spawn, tell, kill, and what the workers say; handing all of it on |
//! | [`accept`] | a thread that waits its turn to accept |
//! | [`run`](mod@run) | primary or worker? One `main` for both |

pub mod accept;
pub mod channel;
pub mod cluster;
pub mod config;
pub mod inherited;
pub mod listener;
mod process;
pub mod run;
pub mod spawn;
pub mod worker;

pub use cluster::{Cluster, Notice};
pub use run::{StartError, run};
pub use worker::Worker;
