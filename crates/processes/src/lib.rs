//! Finding and ending the processes that we started, and only those.
//!
//! Guarantees:
//! 1. [`end_descendants`] ends every process that descends from this one, whatever it does: it may
//!    ignore SIGTERM, be stopped, have left its process group, have lost its own parent, or do
//!    nothing but fork.
//! 2. Nothing else is ever signalled.
//! 3. A process that installed [`on_interrupt`] runs its clean-up when it is interrupted, also
//!    when only it was told and its children were not.
//! 4. A guard ([`guard_of_its_own`]) outlives the job of its terminal, and ends when its stdin closes.
//! 5. Whatever is started by [`spawn`](spawn::spawn) is found by that clean-up, or never started.
//!
//! An orphan stays findable because [`adopt_orphans`] makes it our child instead of init's. Only
//! Linux can do that; elsewhere an orphan is found by its process group alone.
//!
//! [`mod@spawn`] starts processes, [`stat`] reads one, [`mod@table`] lists them, [`family`] lists ours cheaply, [`sweep`]
//! ends them, [`interrupt`] says when, [`inherited`] is what we trust of our starter's signals, [`scratch`] holds their
//! temporary files, [`wait`] is the only place that polls, [`spare`] says how many the machine bears.

pub mod family;
pub mod inherited;
pub mod interrupt;
pub mod scratch;
pub mod spare;
pub mod spawn;
pub mod stat;
pub mod sweep;
pub mod table;
pub mod wait;

pub use family::Family;
pub use inherited::reset_signals;
pub use interrupt::{leave_to_foreground, on_interrupt, suspend_together, when_stdin_closes};
pub use scratch::Scratch;
pub use spare::{jobs_at_a_time, spare_cores};
pub use spawn::{guard_of_its_own, is_ending, park_for_good, spawn};
pub use stat::{Stat, children_of, layout, starved};
pub use sweep::{adopt_orphans, end_descendants};
pub use table::{Process, descendants_of, is_alive, is_asleep, process, table};
pub use wait::{hear, until};
