//! Graceful shutdown: a cluster that is told to stop finishes what it holds, and loses nothing.
//!
//! Guarantees:
//! 1. A request that was accepted before the signal is answered whole.
//! 2. While draining, a new connection is refused at once; a kept-alive one is told
//!    `Connection: close` and served until then.
//! 3. What was acknowledged is on disk when the process exits.
//! 4. The drain takes no longer than its timeout. What it cuts off, it says: exit code 1.
//! 5. A second signal ends it at once.
//! 6. No process is left behind, also when the primary dies by SIGKILL.
//!
//! | file | idea |
//! |---|---|
//! | [`intent`] | two signals become one intent: stop gracefully, or now |
//! | [`sequence`] | the primary's phases, as a pure state machine |
//! | [`primary`](mod@primary) | the driver: select, step, perform |
//! | [`drain`](mod@drain) | the worker's side: stop accepting, lame duck, close idle, cut |
//! | [`cleanup`] | releasing resources in reverse order, with a limit for each |
//! | [`given`] | the small application that all this is applied to; the exercise gets it too |

pub mod cleanup;
pub mod drain;
pub mod given;
pub mod intent;
pub mod primary;
pub mod sequence;

pub use cleanup::Cleanup;
pub use drain::drain;
pub use primary::primary;
