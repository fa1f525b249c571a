//! What a cluster reports, how it is written on one line, and how it reads to a person.
//!
//! Guarantees:
//! 1. One event is one line of JSON of at most 1 KiB, written with a single `write`.
//! 2. The observer stamps the time. A program under test never says when something happened.
//! 3. What the cluster reported and what the tester observed are never confused: see [`Source`].
//! 4. No reader of stdout or stderr can hold up the program: lines are dropped, and counted.
//! 5. Everything a person reads is a pure function of [`Entry`] values.
//!
//! Read in this order: [`event`] (the vocabulary, a file for each subject, each with its sentence),
//! [`mod@emit`] (writing one), [`entry`] (reading one back), [`mod@panic`] (what a program
//! prints when it panics), [`spin`] (a process that never waits), [`timeline`] (many of them under a failing
//! promise), [`lanes`] (many of them as a picture), and [`contract`] (what a contract test and the
//! runner say to each other).

pub mod contract;
pub mod emit;
pub mod entry;
pub mod event;
pub mod id;
pub mod lanes;
pub mod numbers;
pub mod output;
pub mod panic;
pub mod spin;
pub mod timeline;

pub use emit::{emit, flush, millis, start_threads, warn};
pub use entry::{Entry, Source};
pub use event::{
    Event,
    deploy::DeployEvent,
    health::{Alert, Condition, HealthEvent, Level},
    primary::PrimaryEvent,
    roll::{RollEvent, RollOutcome},
    service::ServiceEvent,
    shutdown::{Outcome, ShutdownEvent},
    worker::{Exit, WorkerEvent},
};
pub use id::{Pid, Slot, WorkerId};
pub use panic::{CAME_TO_A_TODO, Panic};
