//! Health monitoring: what exercise 3 gets. Workers that fall ill on demand, a look at what a process
//! uses, the operators' address, and a webhook.
//!
//! Nothing in here decides *which* worker is ill, nor what to do about it. That is what the chapter is
//! about; `examples/03-health-monitoring/` is one finished answer.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! in a worker
//!   HeartbeatSender  interval(), send(lag)
//! in the primary
//!   Config           shared (workers, ..), heartbeat, heartbeat_timeout, memory_limit, max_restarts, ..
//!   Workers          slots(), all(), fleet().in_slot(slot), overdue(now), deadline(now), announce(),
//!                    next(), start(slot), drain(pid), kill(pid, reason), tick(pid, now)
//!   Worker           slot, pid, born, state
//!   State            is_starting(), is_ready(), is_staying(): starting or ready
//!   Notice           Ready(worker), Report(worker, heartbeat), Draining(worker), Drained { .. },
//!                    Exited(worker, exit)
//!   WorkerHealth     new(&worker, &config), heard, allowance, heartbeat, usage, window, verdict,
//!                    must_drain
//!                    examine(pid, now), allow(time, now), counts()
//!   Window           counts(), cpu_percent()
//!   Verdict          Healthy, Warn(condition, text), Drain(..), Kill(..)   is_reliable(), finding()
//!   Finding          critical(condition, text), resolved(alert)
//!   SlotRecord       given_up, gone, alert
//!   RestartHistory   with_settings(&config.shared), count(&worker), may_start(slot, now), deadline(now)
//!   Move             Start(slot), Drain(pid), Kill(pid)
//!   Health           new(&slots, &workers, &monitored, status), report()
//!   Admin            next(): a Question, which answer(health) answers
//!   Webhook          new(&config), post(&alert)
//!   Intents          next()
//! in both
//!   every(period), at(deadline), shut_down(workers, admin, intents), emit(event)
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before `primary` and `heartbeat` have a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`heartbeat`] | what a worker says of itself, again and again |
//! | [`usage`] | what a process uses, seen from outside |
//! | [`counts`], [`window`] | what was counted, and what of it lately |
//! | [`worker_health`], [`slot_record`] | what the primary knows of a worker, and of a slot |
//! | [`verdict`] | what may be done about a worker, and why |
//! | [`health`], [`metrics`] | the cluster as `/health` and `/metrics` answer it |
//! | [`admin`] | the operators' address |
//! | [`webhook`] | where alerts go |
//! | `routes` | the routes of PROTOCOL.md |

pub mod admin;
pub mod config;
pub mod counts;
pub mod health;
pub mod heartbeat;
pub mod metrics;
mod routes;
pub mod run;
pub mod slot_record;
pub mod usage;
pub mod verdict;
pub mod webhook;
pub mod window;
pub mod worker_health;

#[doc(inline)]
pub use events::{Alert, Condition, Exit, HealthEvent, Level, Pid, Slot, emit};
use supervisor::Nothing;
#[doc(inline)]
pub use supervisor::{Intents, RestartHistory, State, Worker, at, every};

#[doc(inline)]
pub use self::{
    admin::{Admin, Question, shut_down},
    config::Config,
    counts::Counts,
    health::{Health, SlotHealth, SlotState, Status},
    heartbeat::{Heartbeat, HeartbeatSender},
    run::run,
    slot_record::SlotRecord,
    usage::ResourceUsage,
    verdict::{Finding, Move, Verdict},
    webhook::Webhook,
    window::Window,
    worker_health::WorkerHealth,
};

/// The workers of this primary. They report heartbeats.
pub type Workers = supervisor::Workers<Nothing, Heartbeat>;

/// What became of a worker, or a heartbeat of it.
pub type Notice = supervisor::Notice<Heartbeat>;
