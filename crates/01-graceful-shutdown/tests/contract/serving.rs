//! The cluster serves.

use harness::{Kept, Trial};

use crate::scene;

/// The answers come from two processes, and these are children of the one that we started.
pub(crate) fn both_workers_answer(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let workers = scene::meet_all(trial, &cluster, 2)?;
    let ours: Vec<u32> = cluster.processes().iter().map(|process| process.pid).collect();
    for pid in workers.keys() {
        trial.expect(
            ours.contains(pid),
            "each answer comes from a process of the program",
            format!("pid {pid} answers; the program's processes are {ours:?}"),
        )?;
    }
    for _ in 0..16 {
        let (who, _) = scene::meet(trial, &cluster)?;
        let observed = format!("pid {} answers: the primary", who.pid);
        trial.expect(
            who.pid != cluster.pid,
            "a primary that answers no request itself",
            observed,
        )?;
    }
    Ok(())
}
