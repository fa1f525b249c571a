//! Changes: known to every worker by the time they are answered.

use std::time::Duration;

use harness::{
    Cluster, Kept, Signal, Trial,
    byte_lock::{ByteLock, SQLITE_WRITES},
    origin::{Manner, Origin},
    patience,
};

use crate::{
    scene::{Door, Doors, PROMPT, Reply, WORKERS, database, millis, origin, successor, times},
    thawed::a_frozen_worker_serves_nothing_old,
};

/// Changes `key`, and returns the answer.
pub(crate) fn change(trial: &Trial, door: &mut Door, key: &str, value: &str) -> Kept<Reply> {
    let reply = door.ask_as(trial, &format!("PUT /config/{key}"), None, value)?.is(trial, 200)?;
    trial.recorder.observe(format!("PUT /config/{key} has answered: {value} is the value now"));
    Ok(reply)
}

/// `GET /page/KEY` must be 200 with this value.
pub(crate) fn page(trial: &Trial, door: &mut Door, key: &str, value: &str) -> Kept<Reply> {
    door.ask(trial, &format!("GET /page/{key}"))?.has(trial, "value", value)
}

pub(crate) const ACK_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) fn a_change_that_is_answered_is_known_everywhere(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let (ack_timeout, busy, long) = (millis(ACK_TIMEOUT), millis(PROMPT), millis(PROMPT * 4));
    let settings = [
        ("ORIGIN", url.as_str()),
        ("ACK_TIMEOUT_MS", ack_timeout.as_str()),
        ("BUSY_TIMEOUT_MS", busy.as_str()),
        // A worker that drains serves its clients until the check has seen enough.
        ("LAME_DUCK_MS", long.as_str()),
        ("DRAIN_TIMEOUT_MS", long.as_str()),
    ];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 12)?;
    let mut all = doors.one_each(trial)?;
    page(trial, &mut all[0], "a", "")?.has(trial, "version", 0)?;
    for version in 1..=3 {
        let value = format!("value-{version}");
        let by = version % all.len();
        let reply = change(trial, &mut all[by], "a", &value)?.has(trial, "version", version)?;
        reply.has(trial, "acknowledged", (1..=WORKERS).collect::<Vec<_>>())?;
        for door in &mut all {
            page(trial, door, "a", &value)?.has(trial, "version", version)?;
        }
    }
    is_cached(trial, &origin, &mut all)?;
    is_told_after_the_commit(trial, &mut doors, &mut all)
        .map_err(|broken| broken.during("a change that had to wait for the database"))?;
    several_at_once(trial, &mut doors, &mut all)
        .map_err(|broken| broken.during("a change by each worker, all at once"))?;
    is_not_old_in_need(trial, &origin, &mut all)
        .map_err(|broken| broken.during("the origin fails after a change"))?;
    a_frozen_worker_serves_nothing_old(trial, &origin, &cluster, &mut doors, &mut all)
        .map_err(|broken| broken.during("a worker that was frozen while a value changed"))?;
    in_a_roll(trial, &cluster, &mut all)
        .map_err(|broken| broken.during("a worker that drains while a value changes"))?;
    drop(cluster);
    waits_for_no_dead_worker(trial)
        .map_err(|broken| broken.during("a worker that died while a change waited for it"))
}

/// Pages that are loaded while the change waits for the database have the old value. They must not be there
/// any more when it is answered.
fn is_told_after_the_commit(trial: &Trial, doors: &mut Doors, all: &mut [Door]) -> Kept {
    let lock = lock_writes(trial)?;
    let mut changes = doors.take(trial, 1)?;
    changes.send_as(trial, "PUT /config/a", None, "committed")?;
    for _ in 0..3 {
        for door in all.iter_mut() {
            page(trial, door, "a", "value-3")?;
        }
    }
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    changes.answer(trial)?.is(trial, 200)?;
    for door in all.iter_mut() {
        page(trial, door, "a", "committed")?;
    }
    Ok(())
}

/// Each change has a version of its own, and the last one is known everywhere. All of them wait for the
/// database, so none of them can know of another one.
fn several_at_once(trial: &Trial, doors: &mut Doors, all: &mut [Door]) -> Kept {
    change(trial, &mut all[0], "b", "first")?.has(trial, "version", 1)?;
    let lock = lock_writes(trial)?;
    let mut by = doors.one_each(trial)?;
    for (door, slot) in by.iter_mut().zip(1..) {
        door.send_as(trial, "PUT /config/b", None, &format!("by-{slot}"))?;
    }
    for door in all.iter_mut() {
        page(trial, door, "b", "first")?;
    }
    drop(lock);
    trial.recorder.observe("the write lock is free again");
    let mut versions = Vec::new();
    for (door, slot) in by.iter_mut().zip(1..) {
        let reply = door.answer(trial)?.is(trial, 200)?;
        versions.push((reply.number(trial, "version")?, format!("by-{slot}")));
    }
    versions.sort_unstable();
    let observed = format!("{versions:?}");
    let are_all_there = versions.iter().map(|(version, _)| *version).eq(2..=5);
    trial.expect(are_all_there, "the versions 2, 3, 4 and 5, each once", observed)?;
    let (version, value) = &versions[versions.len() - 1];
    for door in all.iter_mut() {
        page(trial, door, "b", value)?.has(trial, "version", *version)?;
    }
    Ok(())
}

/// A page of the value before is not better than none.
fn is_not_old_in_need(trial: &Trial, origin: &Origin, all: &mut [Door]) -> Kept {
    change(trial, &mut all[1], "a", "unrendered")?;
    origin.set("/page/a", Manner::Fails);
    for door in all.iter_mut() {
        door.ask(trial, "GET /page/a")?.is(trial, 502)?;
    }
    origin.set("/page/a", Manner::Answers);
    change(trial, &mut all[1], "a", "")?;
    page(trial, &mut all[2], "a", "").map_err(|broken| broken.during("an empty value"))?;
    change(trial, &mut all[1], "a", "committed")?;
    all.iter_mut().try_for_each(|door| page(trial, door, "a", "committed").map(drop))
}

/// A worker with a successor still has its clients, and its pages.
fn in_a_roll(trial: &Trial, cluster: &Cluster, all: &mut [Door]) -> Kept {
    let old = &mut all[0];
    page(trial, old, "a", "again")?;
    cluster.signal(Signal::SIGUSR2);
    let mut new = successor(trial, cluster, old.worker, old.pid)?;
    change(trial, &mut new, "a", "rolled")?;
    page(trial, old, "a", "rolled").map(drop)
}

/// The change would wait for a minute, if the death of the frozen worker did not end that.
fn waits_for_no_dead_worker(trial: &Trial) -> Kept {
    let long = millis(PROMPT * 2);
    let cluster = trial.start(&[("ACK_TIMEOUT_MS", long.as_str())])?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let mut all = doors.one_each(trial)?;
    let victim = all[2].pid;
    cluster.freeze(victim)?;
    all[0].send_as(trial, "PUT /config/a", None, "value")?;
    is_known_by(trial, &mut all[1], "value")?;
    cluster.signal_process(victim, Signal::SIGKILL)?;
    all[0].answer(trial)?.has(trial, "acknowledged", vec![1, 2, 4]).map(drop)
}

/// Workers that are not frozen are told while the change waits for the one that is.
fn is_known_by(trial: &Trial, door: &mut Door, value: &str) -> Kept {
    door.is_quiet = true;
    let mut outcome = Ok(());
    let known = processes::until(patience(PROMPT), || match door.ask(trial, "GET /page/a") {
        Ok(reply) => (reply.json["value"] == value).then_some(()),
        Err(broken) => {
            outcome = Err(broken);
            Some(())
        }
    });
    outcome?;
    let observed = format!("worker {} does not know it", door.worker);
    trial.expect(known.is_some(), "all workers are told, a frozen one or not", observed)
}

/// Holds the write lock of the database, as another process would.
pub(crate) fn lock_writes(trial: &Trial) -> Kept<ByteLock> {
    let shm = database(trial).with_extension("db-shm");
    let lock = ByteLock::take(&shm, SQLITE_WRITES, PROMPT);
    let lock = lock.map_err(|error| {
        trial.broken("a database in WAL mode, with the file state.db-shm", error.to_string())
    })?;
    trial.recorder.observe("another process holds the write lock of the database");
    Ok(lock)
}

/// Without this a program without any cache would keep the promise. Changes of another key take no page away, and
/// each counts, also one to the value that is there.
fn is_cached(trial: &Trial, origin: &Origin, all: &mut [Door]) -> Kept {
    for version in 1..=2 {
        change(trial, &mut all[0], "same", "value")?.has(trial, "version", version)?;
    }
    let before = origin.asked("/page/a").len();
    for door in all.iter_mut() {
        page(trial, door, "a", "value-3")?;
    }
    let asked = origin.asked("/page/a").len() - before;
    let observed = format!("the origin was asked {} more for /page/a", times(asked));
    trial.expect(asked == 0, "pages from the caches of the workers", observed)
}

/// Waits until the origin was asked `count` times, the last time for what `door` has sent: until that has an
/// answer, at most.
pub(crate) fn is_asked(
    trial: &Trial,
    origin: &Origin,
    door: &mut Door,
    (path, count): (&str, usize),
) -> Kept {
    let has_asked = || origin.asked(path).len() >= count;
    processes::until(patience(PROMPT), || (has_asked() || door.has_news()).then_some(()));
    if has_asked() {
        return Ok(());
    }
    let asked = times(origin.asked(path).len());
    let what = if door.has_news() {
        door.answer(trial)?.to_string()
    } else {
        format!("worker {} waits", door.worker)
    };
    let observed = format!("it was asked {asked}; {what}");
    Err(trial.broken(format!("the origin is asked {} for {path}", times(count)), observed))
}
