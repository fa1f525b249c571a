//! Health monitoring: a cluster notices a sick worker, replaces it, and leaves a busy one alone.
//!
//! Guarantees:
//! 1. A worker that is silent for longer than the timeout is killed and replaced: one that is frozen
//!    hears no gentler word.
//! 2. A heartbeat comes from the loop that serves, so a worker that is stuck falls silent.
//! 3. A worker that leaks, or answers too much with an error, is replaced before it is drained, and
//!    no request is lost to that.
//! 4. A healthy worker is left alone, however busy the machine is: what the primary missed while it
//!    was starved itself is nobody's silence.
//! 5. While fewer than a majority can be relied on, workers are taken out one at a time.
//! 6. A slot whose workers die again and again is tried less and less often, and then given up.
//! 7. Each change is one alert, and no receiver of alerts can hold anything up.
//! 8. Operators are answered by the primary, whatever state the workers are in.
//!
//! | file | idea |
//! |---|---|
//! | [`pulse`] | the worker's heartbeat, from the loop that serves |
//! | [`watch`] | how long a worker has been silent, less what we slept through ourselves |
//! | [`verdict`] | healthy, warned, drain, or kill |
//! | [`triage`] | what may be done now, never to all of them at once |
//! | [`board`] | one alert for each change |
//! | [`alerts`] | alerts that hold nothing up |
//! | [`totals`] | counters that never go down |
//! | [`primary`](mod@primary) | the driver: hear, look, judge, act |
//! | [`given`] | workers that fall ill on demand; the exercise gets it too |

pub mod alerts;
pub mod board;
pub mod given;
pub mod primary;
pub mod pulse;
pub mod totals;
pub mod triage;
pub mod verdict;
pub mod watch;

pub use primary::primary;
pub use pulse::beat;
