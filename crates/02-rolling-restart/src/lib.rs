//! Rolling restart: a cluster changes its version under load, and loses no request.
//!
//! Guarantees:
//! 1. Each slot has a worker, whatever workers die of; one that keeps dying is started less and less
//!    often.
//! 2. A roll replaces every worker, and never has fewer of them ready, nor more of them alive, than
//!    its limits allow.
//! 3. An old worker is told to drain only when a new one is ready.
//! 4. No request is lost to a roll.
//! 5. A version that does not come up, or keeps dying, is given up: every slot runs the old one
//!    again, and whoever asked can learn of it.
//! 6. One roll at a time. Asked again meanwhile, however often, it rolls once more.
//! 7. A worker that does not drain in time is killed, in a roll as at the end.
//!
//! | file | idea |
//! |---|---|
//! | [`lifecycle`] | a worker's life, as a pure state machine |
//! | [`mod@picture`] | that table as a picture, drawn from the code |
//! | [`fleet`] | who is there |
//! | [`workers`] | the primary's hands and ears: start, drain, kill, hear |
//! | [`worker`] | the life of a worker, from inside |
//! | [`messages`] | what the two say to each other |
//! | [`plan`] | what may be done now to bring each slot to a version |
//! | [`rollout`] | which version that is, as a pure state machine |
//! | [`restart`] | when a worker that died is replaced: backoff, jitter, intensity |
//! | [`primary`](mod@primary) | the driver: select, step, make each allowed move |
//! | [`shutdown`] | the end, for every generation |
//! | [`given`] | workers that fail on demand, settings and routes; the exercise gets it too |

pub mod fleet;
pub mod given;
pub mod lifecycle;
pub mod messages;
pub mod picture;
pub mod plan;
pub mod primary;
pub mod restart;
pub mod rollout;
pub mod shutdown;
pub mod worker;
pub mod workers;

pub use picture::picture;
pub use primary::primary;
