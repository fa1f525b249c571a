//! The easiest promise.

use harness::{Kept, Trial};

use crate::scene::{Doors, database};

/// Each worker answers for itself, and settings that make no sense are refused.
pub(crate) fn four_workers_serve_and_say_who_they_are(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    let mut doors = Doors::open(trial, &cluster, 1)?;
    for mut door in doors.one_each(trial)? {
        let (worker, pid) = (door.worker, door.pid);
        let reply = door.ask(trial, "GET /")?.is(trial, 200)?;
        reply.has(trial, "worker", worker)?.has(trial, "pid", pid)?;
        door.ask(trial, "GET /nothing")?.is(trial, 404)?;
    }
    let there = database(trial).exists();
    trial.expect(there, "the file DATABASE is there", "it isn't")?;
    trial.refuses("BUSY_TIMEOUT_MS", "soon")?;
    trial.refuses("DB_CONNECTIONS", "5")?;
    trial.refuses("LEASE_MS", "")
}
