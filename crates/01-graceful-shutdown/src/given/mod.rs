//! What the exercise is given, and the example uses too: a small application to shut down.
//!
//! Nothing in here decides *when* to do something. Each operation does one thing: stop accepting,
//! say `Connection: close`, close what is idle, cut what is left, write the journal. Putting them
//! in the right order, with a deadline, is what the chapter is about.

mod config;
pub mod http;
mod journal;
mod messages;
mod primary;
mod routes;
mod run;
mod server;
mod signals;
mod workers;

pub use config::Config;
pub use journal::Journal;
pub use messages::{FromWorker, ToWorker};
pub use primary::Primary;
pub use run::run;
pub use server::Server;
pub use signals::{Signal, Signals};
pub use workers::{Notice, Workers};
