//! What a cluster reports, how it is written on one line, and how it reads to a person.
//!
//! Guarantees:
//! 1. One event is one line of JSON of at most 1 KiB, written with a single `write`.
//! 2. The observer stamps the time. A program under test never says when something happened.
//! 3. What the cluster reported and what the tester observed are never confused: see [`Source`].
//! 4. Everything a person reads is a pure function of [`Entry`] values.
//!
//! Read in this order: [`event`] (the vocabulary), [`mod@emit`] (writing one), [`entry`] (reading one
//! back), [`narrate`] (its sentence), [`timeline`] (many of them under a failing promise), [`lanes`]
//! (many of them as a picture), and [`contract`] (what a contract test and the runner say to each other).

pub mod contract;
pub mod emit;
pub mod entry;
pub mod event;
pub mod lanes;
pub mod narrate;
pub mod timeline;

pub use emit::{emit, millis};
pub use entry::{Entry, Source};
pub use event::{Condition, Event, Exit, Level, Outcome, RollOutcome};
