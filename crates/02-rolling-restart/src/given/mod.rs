//! What the exercise is given, and the example uses too: workers that serve, drain, and fail on
//! demand, settings, and what operators ask.
//!
//! [`State`] and [`Worker`] are the chapter's own (guide 02); the exercise builds on them.
//!
//! Nothing in here decides *when* to start, drain or kill a worker, nor what a death means. That is
//! what the chapter is about.

mod clock;
mod config;
mod faults;
mod intents;
mod progress;
mod routes;
mod run;
mod version;
mod worker;
mod workers;

pub use clock::at;
pub use config::Config;
pub use faults::{Fault, Faults};
pub use intents::{Intent, Intents};
pub use progress::{LastRoll, Phase, Progress, Replaced};
pub use run::run;
pub use version::Version;
pub use workers::{Notice, Workers};

pub use crate::{fleet::Worker, lifecycle::State};
