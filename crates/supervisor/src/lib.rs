//! What every cluster of this workbook stands on: a primary's workers and their lifecycle, a worker
//! from inside, and the small parts that both need.
//!
//! Guarantees:
//! 1. The primary knows where each worker is in its life, and reports each change as one event.
//! 2. A start that fails never ends the primary: after a pause it is a death like any other.
//! 3. A worker that isn't ready, or isn't gone, by its deadline is overdue. [`Workers::overdue`] returns
//!    it, and the chapter decides what follows.
//! 4. A worker obeys its channel alone. A signal that reaches the whole process group does nothing
//!    to it.
//! 5. Nothing outside holds up the primary: no reader of its output, no frozen worker, no missing
//!    descriptor. `tests/promises` tries each of them.
//! 6. Nothing in here decides *when* to start, drain or kill a worker, nor what a death means. That
//!    is what the chapters are about.
//!
//! | file | idea |
//! |---|---|
//! | [`settings`] | the variables that the chapters share |
//! | [`signals`] | the signals that ask a service to stop, as a stream |
//! | [`intents`] | the first signal asks, the second one insists |
//! | [`lifecycle`] | a worker's life, as a pure state machine |
//! | [`fleet`] | which workers there are |
//! | [`workers`] | the primary's side: starts, drains, kills and tracks the workers, and hands them on |
//! | [`shutdown`] | drains every worker, and says how that went |
//! | [`restart`] | when a worker that died is replaced: backoff, jitter, intensity |
//! | [`messages`] | what the primary and a worker tell each other |
//! | [`calls`] | a call from a worker to its primary, and news to all workers: chapter 04, given |
//! | [`worker`] | the worker's side: [`run_worker`] with a chapter's [`Service`] |
//! | [`mod@post`] | a POST to a server that isn't ours |
//! | [`server`] | a worker's HTTP server, with one operation for each step of its end |
//! | [`mod@drain`] | those steps in their order |
//! | [`http`] | answers, and what a request asks for |
//! | [`faults`] | workers that fail on demand |
//! | [`version`] | versions, as in `1.2.0` |
//! | [`terminal`] | whether the terminal was closed |
//! | [`timers`] | a moment that may never come, and a tick again and again |

pub mod calls;
pub mod drain;
pub mod faults;
pub mod fleet;
pub mod http;
pub mod intents;
pub mod lifecycle;
pub mod messages;
pub mod post;
pub mod restart;
pub mod server;
pub mod settings;
pub mod shutdown;
pub mod signals;
pub mod terminal;
pub mod timers;
pub mod version;
pub mod worker;
pub mod workers;

pub use drain::drain;
pub use faults::{AnswerFault, Fault, Faults};
pub use fleet::{Fleet, Worker};
pub use intents::{Intent, Intents};
pub use lifecycle::{ESCALATION, State};
pub use messages::{FromWorker, Nothing};
pub use post::post;
pub use restart::RestartHistory;
pub use server::Server;
pub use settings::Settings;
pub use shutdown::{Tally, shut_down, shut_down_with};
pub use signals::{Signal, Signals};
pub use terminal::Terminal;
pub use timers::{at, every};
pub use version::Version;
pub use worker::{Service, WorkerChannel, run_worker};
pub use workers::{Link, Notice, Workers};
