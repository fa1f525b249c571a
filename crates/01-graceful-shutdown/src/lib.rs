//! Graceful shutdown: what exercise 1 gets. A small application to shut down.
//!
//! Nothing in here decides *when* to do something. Each operation does one thing: stop accepting,
//! say `Connection: close`, close what is idle, cut what is left, write the journal. The chapter is
//! about their order and their deadline; `examples/01-graceful-shutdown/` is one finished answer.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! in the primary
//!   Config          shared.workers, drain_timeout(signal)
//!   Workers         slots(), start(slot), announce(), next(), drain_all(timeout), kill_all(reason),
//!                   stop_listening(), is_empty()
//!   Notice          Ready(worker), Draining(worker), Drained { answered, cut, .. }, Exited(worker, exit)
//!   Worker          slot, pid
//!   Signals         next(): Signal::Terminate, Interrupt or Hangup; its name()
//!   ESCALATION      how long to wait for a worker after its own deadline
//! in a worker
//!   Primary         hear(): ToWorker::Drain { lame_duck, timeout }, or None; tell(FromWorker::..)
//!   Server          fail_readiness(), announce_close(), stop_accepting(), close_idle(), all_closed(),
//!                   cut(), in_flight(), answered()
//!   Journal         flush()
//! in both
//!   emit(event)     reports an event on stdout
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before `primary` and `worker` have a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`channel`] | a worker's end of the channel to its primary |
//! | [`journal`] | a journal that is written later than it acknowledges |
//! | `routes` | the routes of PROTOCOL.md |

pub mod channel;
pub mod config;
pub mod journal;
mod routes;
pub mod run;

#[doc(inline)]
pub use events::{Exit, Outcome, ShutdownEvent, Slot, emit, millis};
#[doc(inline)]
pub use supervisor::{ESCALATION, Server, Signal, Signals, Worker};
use supervisor::{Nothing, messages};

#[doc(inline)]
pub use self::{channel::Primary, config::Config, journal::Journal, run::run};

/// The workers of this primary.
pub type Workers = supervisor::Workers<Nothing, Nothing>;

/// What became of a worker.
pub type Notice = supervisor::Notice<Nothing>;

/// What a primary tells a worker: to drain.
pub type ToWorker = messages::ToWorker<Nothing>;

/// What a worker tells its primary.
pub type FromWorker = messages::FromWorker<Nothing>;
