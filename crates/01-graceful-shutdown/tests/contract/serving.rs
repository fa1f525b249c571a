//! Before anything ends: it works.

use harness::{Kept, Trial};

use crate::scene;

/// The answers come from two processes, and these are children of the one that we started.
pub(crate) fn both_workers_answer(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let workers = scene::meet_all(trial, &cluster, 2)?;
    let ours: Vec<u32> = cluster.processes().iter().map(|process| process.pid).collect();
    for pid in workers.keys() {
        trial.expect(
            ours.contains(pid) && *pid != cluster.pid,
            "each answer comes from a worker process of its own",
            format!("pid {pid} answers; the program's processes are {ours:?}"),
        )?;
    }
    Ok(())
}
