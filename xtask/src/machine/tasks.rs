//! Whether enough processes and threads can be started. The kernel counts both alike.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{Missing, Outcome};

/// What one check needs, with its judge, its clients and a cluster. Measured with all chapters: 57.
const A_CHECK: usize = 64;
/// Four checks at a time.
const TASKS: usize = 4 * A_CHECK;

pub(super) fn tasks() -> Outcome {
    let (count, refusal) = started(TASKS);
    match refusal {
        None => Ok(format!("{TASKS} more processes or threads can be started")),
        Some(error) => Err(Missing {
            seen: format!("only {count} more processes or threads can be started ({error})"),
            fix: "Raise the limit: ulimit -u 4096, or pids.max of the container (docker run \
                  --pids-limit 4096).",
        }),
    }
}

/// For how many of `checks` at a time enough tasks can be started: one at least.
pub(crate) fn checks_at_a_time(checks: usize) -> usize {
    let (count, _) = started(checks * A_CHECK);
    (count / A_CHECK).max(1)
}

/// How many of `most` tasks can be started, and why no more.
///
/// A thread counts as much as a process, and is started and gone sooner.
fn started(most: usize) -> (usize, Option<io::Error>) {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut refusal = None;
    while refusal.is_none() && threads.len() < most {
        let is_over = is_over.clone();
        let wait = move || {
            while !is_over.load(Ordering::Acquire) {
                thread::park();
            }
        };
        match thread::Builder::new().stack_size(64 << 10).spawn(wait) {
            Ok(thread) => threads.push(thread),
            Err(error) => refusal = Some(error),
        }
    }
    let count = threads.len();
    is_over.store(true, Ordering::Release);
    for thread in threads {
        thread.thread().unpark();
        let _ = thread.join();
    }
    (count, refusal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_runs_the_tests_bears_a_few_checks_at_a_time() {
        assert_eq!((checks_at_a_time(1), checks_at_a_time(4)), (1, 4));
    }
}
