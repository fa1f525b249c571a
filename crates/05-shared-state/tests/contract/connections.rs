//! Connections to the database: one budget for all processes.

use harness::{Cluster, Kept, Signal, Trial, descriptors::open_files, patience, who::children};

use crate::{
    changes::{change, lock_writes, page},
    scene::{Door, Doors, PROMPT, WORKERS, database, greet, millis},
    sessions::log_in,
};

/// One is the primary's. In a roll there are five workers, so each may have one; without a thought of the roll
/// each of four would have two.
const BUDGET: usize = 9;

pub(crate) fn no_more_connections_than_the_budget(trial: &Trial) -> Kept {
    let budget = BUDGET.to_string();
    let busy = millis(PROMPT);
    let settings = [("DB_CONNECTIONS", budget.as_str()), ("BUSY_TIMEOUT_MS", busy.as_str())];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 5)?;
    let mut waiting = Vec::new();
    // A program that opens connections as it needs them needs all of them now.
    let lock = lock_writes(trial)?;
    for slot in 1..=WORKERS {
        // More requests than the worker has connections: each gets its turn.
        for mut door in doors.take_some(trial, slot, 3)? {
            door.send(trial, "POST /counter?key=k")?;
            waiting.push(door);
        }
    }
    for mut door in doors.one_each(trial)? {
        door.ask(trial, "GET /")?.is(trial, 200)?;
    }
    within(trial, &cluster)?;
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    for mut door in waiting {
        door.answer(trial)?.is(trial, 200)?;
        door.ask(trial, "GET /counter?key=k")?.is(trial, 200)?;
    }
    within(trial, &cluster)?;
    // One connection is enough for each request: no request waits for a second one.
    each_route(trial, &mut doors.take(trial, 1)?)?;
    within(trial, &cluster)?;
    in_a_roll(trial, &cluster)
}

fn each_route(trial: &Trial, door: &mut Door) -> Kept {
    let cookie = log_in(trial, door, None)?;
    let cookie = Some(cookie.as_str());
    door.ask_as(trial, "POST /cart?item=a", cookie, "")?.has(trial, "cart", vec!["a"])?;
    door.ask_as(trial, "GET /me", cookie, "")?.has(trial, "cart", vec!["a"])?;
    door.ask_as(trial, "POST /logout", cookie, "")?.is(trial, 200)?;
    change(trial, door, "a", "new")?;
    page(trial, door, "a", "new")?;
    door.ask(trial, "POST /jobs/j")?.is(trial, 200)?;
    door.ask(trial, "GET /jobs/j")?.is(trial, 200).map(drop)
}

fn in_a_roll(trial: &Trial, cluster: &Cluster) -> Kept {
    let before = children(cluster);
    cluster.signal(Signal::SIGUSR2);
    let (mut most, mut broken) = (0, None);
    let rolled = processes::until(patience(PROMPT) * 2, || {
        most = most.max(children(cluster).len());
        write_and_read(trial, cluster);
        broken = within(trial, cluster).err();
        let there = children(cluster);
        let is_over = there.len() == WORKERS as usize && there.is_disjoint(&before);
        (is_over || broken.is_some()).then_some(())
    });
    broken.map_or(Ok(()), |broken| Err(broken.during("a roll")))?;
    trial.expect(rolled.is_some(), "SIGUSR2 replaces all workers", "it does not")?;
    trial.recorder.observe(format!("a roll, with {most} workers at once"));
    let mut door = Doors::open(trial, cluster, 1)?.take(trial, 1)?;
    door.ask(trial, "GET /counter?key=k")?.has(trial, "value", WORKERS * 3).map(drop)
}

/// A connection opens its files when it is used for the first time.
fn write_and_read(trial: &Trial, cluster: &Cluster) {
    for mut door in greet(cluster, 6) {
        door.is_quiet = true;
        for request in ["POST /counter?key=roll", "GET /counter?key=roll"] {
            // A worker that drains may have closed the connection.
            let _ = door.send(trial, request).and_then(|()| door.answer(trial));
        }
    }
}

/// A connection has the WAL open. The file itself stays open for longer than the connection, because closing
/// it would end the locks of the others in that process.
fn within(trial: &Trial, cluster: &Cluster) -> Kept {
    let wal = database(trial).with_extension("db-wal");
    let of = |pid: u32| open_files(pid).iter().filter(|file| **file == wal).count();
    let open: Vec<(u32, usize)> =
        cluster.processes().iter().map(|process| (process.pid, of(process.pid))).collect();
    let sum: usize = open.iter().map(|(_, number)| number).sum();
    if sum <= BUDGET {
        return Ok(());
    }
    let observed = format!("{sum} connections: {open:?} (pid, connections)");
    Err(trial.broken(format!("{BUDGET} connections at most, of all processes"), observed))
}
