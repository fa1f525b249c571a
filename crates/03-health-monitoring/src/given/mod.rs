//! What the exercise is given, and the example uses too: workers that fall ill on demand, a look at
//! what a process uses, the operators' door, and a webhook.
//!
//! [`Verdict`] and [`Move`] are the chapter's own, [`Workers`], [`Worker`] and [`State`] those of
//! chapter 02; the exercise builds on them. In short:
//!
//! ```text
//! Verdict    Healthy, Warn(Condition, String), Drain(..), Kill(..)   is_reliable(), news()
//! News       critical(condition, text), resolved(said)
//! Move       Start(slot), Drain(pid), Kill(pid)
//! Worker     slot, pid, born, state       Workers   all(), fleet().in_slot(slot)
//! State      is_starting(), is_ready(), is_staying(): starting or ready
//! Patient    heard, excused, beat, figures, window, verdict    examine(), excuse(), counts()
//! Deaths     count(&worker), may_start(slot, now)
//! ```
//!
//! Nothing in here decides *who* is ill, nor what to do about it. That is what the chapter is about.

mod admin;
mod config;
mod counts;
mod deaths;
mod every;
mod health;
mod heart;
mod messages;
mod metrics;
mod patient;
mod process;
mod routes;
mod run;
mod shutdown;
mod slot;
mod webhook;
mod window;
mod worker;

pub use admin::{Admin, Question};
pub use config::Config;
pub use counts::Counts;
pub use deaths::Deaths;
pub use every::every;
pub use health::{Health, SlotHealth, SlotState, Status, Vitals};
pub use heart::Heart;
pub use messages::Beat;
pub use patient::Patient;
pub use process::Figures;
pub use rolling_restart::{
    fleet::Worker,
    given::{Intent, Intents, Version, at},
    lifecycle::State,
};
use rolling_restart::{messages::Nothing, workers};
pub use run::run;
pub use shutdown::shut_down;
pub use slot::Slot;
pub use webhook::Webhook;
pub use window::Window;

pub use crate::{
    triage::Move,
    verdict::{News, Verdict},
};

/// The workers of this primary. What they can do is in [`rolling_restart::workers`].
pub type Workers = workers::Workers<Nothing, Beat>;

/// What became of a worker, or what it reports: a heartbeat.
pub type Notice = workers::Notice<Beat>;
