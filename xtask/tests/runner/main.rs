//! The runner as a learner meets it: a command, its output, its exit code, and what it leaves.

#![expect(clippy::unwrap_used, reason = "a test that can't go on may panic anywhere")]

// What is left behind is proved by /proc.
#[cfg(target_os = "linux")]
mod builds;
mod check;
mod command_line;
mod compile_errors;
#[cfg(target_os = "linux")]
mod hostile_programs;
#[cfg(target_os = "linux")]
mod interrupt;
#[cfg(target_os = "linux")]
mod jobs;
mod leftovers;
#[cfg(target_os = "linux")]
mod machine;
mod own_file;
mod sham;
mod steps;
#[cfg(target_os = "linux")]
mod terminals;
mod verify;
