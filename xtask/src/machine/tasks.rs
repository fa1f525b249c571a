//! Whether enough processes and threads can be started. The kernel counts both alike.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use super::{Missing, Outcome};

/// Eight checks at a time, with a judge and a cluster each.
const TASKS: usize = 256;

/// A thread counts as much as a process, and is started and gone sooner.
pub(super) fn tasks() -> Outcome {
    let is_over = Arc::new(AtomicBool::new(false));
    let mut threads = Vec::new();
    let mut refusal = None;
    while refusal.is_none() && threads.len() < TASKS {
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
    match refusal {
        None => Ok(format!("{TASKS} more processes or threads can be started")),
        Some(error) => Err(Missing {
            seen: format!("only {count} more processes or threads can be started ({error})"),
            fix: "Raise the limit: ulimit -u 4096, or pids.max of the container (docker run \
                  --pids-limit 4096).",
        }),
    }
}
