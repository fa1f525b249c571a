//! Rolling restart: what exercise 2 gets. Workers that serve, drain, and fail on demand, settings, and
//! what operators ask.
//!
//! Nothing in here decides *when* to start, drain or kill a worker, nor what a death means. That is
//! what the chapter is about; `examples/02-rolling-restart/` is one finished answer.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! Config     shared (workers, restart_delay, restart_delay_max, ..), max_surge, roll_timeout, ..
//! Workers    slots(), all(), is_empty(), overdue(now), is_available(&worker, now),
//!            are_settled(version, now), deadline(now), announce(), next()
//!            start_version(slot, version), drain(pid), kill(pid, reason), kill_all(reason),
//!            stop_listening()
//! Worker     slot, pid, version, born, state, served(now)
//! State      Starting { ready_by }, Ready { since }, Draining { gone_by }, Killed, Exited
//!            is_starting(), is_ready(), ready_since(), is_staying(): starting or ready
//! Notice     Ready(worker), Draining(worker), Drained { worker, answered, cut }, Exited(worker, exit)
//! Intents    next(): Intent::Roll, RollBack, Shutdown or ShutdownNow
//! Version    FIRST, next_minor()
//! Progress   steady(version), begin(to), abandon(back_to, reason), finish(to, took, &workers),
//!            publish(&mut workers)
//! at(deadline)
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before `primary` has a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`intents`] | SIGUSR2 and SIGHUP become intents, too |
//! | [`progress`] | how far a roll is: what `GET /roll` answers |
//! | `service` | a worker of this chapter |
//! | `routes` | the routes of PROTOCOL.md |

pub mod config;
pub mod intents;
pub mod progress;
mod routes;
pub mod run;
mod service;

#[doc(inline)]
pub use events::{Exit, Pid, Slot};
use supervisor::Nothing;
#[doc(inline)]
pub use supervisor::{State, Version, Worker, at};

#[doc(inline)]
pub use self::{
    config::Config,
    intents::{Intent, Intents},
    progress::Progress,
    run::run,
};

/// The workers of this primary. The primary tells them how far a roll is.
pub type Workers = supervisor::Workers<Progress, Nothing>;

/// What became of a worker. The workers of this chapter report nothing beside their lifecycle.
pub type Notice = supervisor::Notice<Nothing>;
