//! The runner as a learner meets it: a command, its output, its exit code, and what it leaves.

#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic anywhere")]

mod check;
mod command_line;
mod compile_errors;
mod hostile_programs;
mod interrupt;
mod sham;
