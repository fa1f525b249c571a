//! Changes: known to every worker by the time they are answered.

use std::time::Duration;

use harness::{
    Cluster, Kept, Trial,
    byte_lock::{ByteLock, SQLITE_WRITES},
    origin::{Manner, Origin},
    patience,
    wire::{Connection, request},
};

use crate::scene::{Door, Doors, PROMPT, Reply, WORKERS, database, freeze, millis, origin, thaw};

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

const ACK_TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn a_change_that_is_answered_is_known_everywhere(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let ack_timeout = millis(ACK_TIMEOUT);
    let busy = millis(PROMPT);
    let settings = [
        ("ORIGIN", url.as_str()),
        ("ACK_TIMEOUT_MS", ack_timeout.as_str()),
        ("BUSY_TIMEOUT_MS", busy.as_str()),
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
    a_frozen_worker_serves_nothing_old(trial, &origin, &cluster, &mut doors, &mut all)
        .map_err(|broken| broken.during("a worker that was frozen while a value changed"))
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

/// Without this a program without any cache would keep the promise.
fn is_cached(trial: &Trial, origin: &Origin, all: &mut [Door]) -> Kept {
    let before = origin.asked("/page/a").len();
    for door in all.iter_mut() {
        page(trial, door, "a", "value-3")?;
    }
    let asked = origin.asked("/page/a").len() - before;
    let observed = format!("the origin was asked {asked} more times for /page/a");
    trial.expect(asked == 0, "pages from the caches of the workers", observed)
}

/// Requests that reach the frozen worker before it hears of the change.
const EARLY: usize = 6;
/// How long a worker that runs again may take for these, without its primary.
const WITHOUT_THE_PRIMARY: Duration = Duration::from_secs(5);
/// Changes of other keys, while the worker is frozen, and how long these keys are. They fill every buffer on
/// the way to it, so the last change is still in the primary when the worker runs again. And the primary is
/// stopped until the worker has answered: otherwise it might hear of the change first, by chance.
const OTHERS: usize = 400;
const LONG_KEY: usize = 2000;

fn a_frozen_worker_serves_nothing_old(
    trial: &Trial,
    origin: &Origin,
    cluster: &Cluster,
    doors: &mut Doors,
    all: &mut [Door],
) -> Kept {
    let mut early = doors.take_some(trial, 3, EARLY)?;
    let frozen = early[0].pid;
    freeze(trial, cluster, frozen)?;
    for door in &mut early {
        door.send_bytes(trial, "GET /page/a HTTP/1.1\r\n", "the first half of GET /page/a")?;
    }
    change_many(trial, cluster)?;
    let reply = change(trial, &mut all[0], "a", "thawed")?;
    took_its_time(trial, &reply)?;
    let reply = reply.has(trial, "acknowledged", vec![1, 2, 4])?;
    for slot in [1, 2, 4] {
        page(trial, &mut all[slot - 1], "a", "thawed")?;
    }
    // A request has begun when the last byte of its head is there: after the change.
    for door in &mut early {
        door.send_bytes(trial, "Host: 127.0.0.1\r\n\r\n", "the second half of GET /page/a")?;
    }
    freeze(trial, cluster, cluster.pid)?;
    thaw(cluster, frozen)?;
    let are_answered = || early.iter_mut().all(Door::has_news).then_some(());
    // A worker that asks its primary first answers when that runs again.
    let _ = processes::until(patience(WITHOUT_THE_PRIMARY), are_answered);
    thaw(cluster, cluster.pid)?;
    let version = reply.number(trial, "version")?;
    for door in &mut early {
        let reply = door.answer(trial)?;
        reply.has(trial, "value", "thawed")?.has(trial, "version", version)?;
    }
    from_its_cache_again(trial, origin, &mut all[2])?;
    let reply = change(trial, &mut all[2], "a", "again")?;
    reply.has(trial, "acknowledged", (1..=WORKERS).collect::<Vec<_>>())?;
    page(trial, &mut all[2], "a", "again").map(drop)
}

/// Changes many values, and waits for most of the answers. A connection may be stuck at the frozen worker.
fn change_many(trial: &Trial, cluster: &Cluster) -> Kept {
    let mut open = Vec::new();
    for number in 0..OTHERS {
        let key = format!("{number:0LONG_KEY$}");
        let mut connection = cluster.connect()?;
        let bytes = request("PUT", &format!("/config/{key}"), "other");
        if connection.send(bytes.as_bytes()).is_ok() {
            open.push(connection);
        }
    }
    let mut answered = 0;
    processes::until(patience(ACK_TIMEOUT) + patience(PROMPT), || {
        answered = open.iter_mut().map(Connection::is_closed).filter(|has_news| *has_news).count();
        (answered >= OTHERS * 9 / 10).then_some(())
    });
    let observed = format!("{answered} of {OTHERS} changes of other keys are answered");
    trial.recorder.observe(observed.clone());
    trial.expect(answered >= OTHERS * 9 / 10, "nearly all of them", observed)
}

/// It uses its cache again, and what is in there is right, although it may have missed news.
fn from_its_cache_again(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    let mut outcome = Ok(());
    door.is_quiet = true;
    let cached = processes::until(patience(PROMPT), || {
        let before = origin.asked("/page/a").len();
        outcome = page(trial, door, "a", "thawed").map(drop);
        let is_cached = origin.asked("/page/a").len() == before;
        (is_cached || outcome.is_err()).then_some(())
    });
    door.is_quiet = false;
    outcome.map_err(|broken| broken.during("the cache of a worker that has missed news"))?;
    trial.expect(cached.is_some(), "a worker that uses its cache again", "it asks the origin")
}

/// A change that is answered at once, though a worker is frozen, was told to it, and not waited for. From the
/// last word that the worker had, up to a quarter of the time may be over.
fn took_its_time(trial: &Trial, reply: &Reply) -> Kept {
    let (least, most) = (patience(ACK_TIMEOUT) / 2, patience(ACK_TIMEOUT) + patience(PROMPT));
    let after = reply.after;
    let expected = format!("PUT waits for the frozen worker, {:.1} s or more", least.as_secs_f64());
    let observed = format!("PUT is answered after {:.1} s", after.as_secs_f64());
    trial.expect(after >= least, expected, observed)?;
    let expected = format!("PUT waits no longer than ACK_TIMEOUT_MS ({:?})", patience(ACK_TIMEOUT));
    trial.expect(after <= most, expected, format!("PUT is answered after {after:?}"))
}

pub(crate) fn an_early_load_does_not_bring_the_old_value_back(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let cluster = trial.start(&[("ORIGIN", url.as_str()), ("ACK_TIMEOUT_MS", "60000")])?;
    let mut doors = Doors::open(trial, &cluster, 6)?;
    let mut other = doors.take(trial, 2)?;
    ends_after_the_change(trial, &origin, &mut doors, &mut other)?;
    is_joined_by_no_later_request(trial, &origin, &mut doors, &mut other)
        .map_err(|broken| broken.during("a request that came after the change, beside that load"))
}

/// A load of the old value begins, the value changes, the load ends.
fn ends_after_the_change(
    trial: &Trial,
    origin: &Origin,
    doors: &mut Doors,
    other: &mut Door,
) -> Kept {
    let (mut early, mut late) = (doors.take(trial, 1)?, doors.take(trial, 1)?);
    change(trial, other, "a", "old")?;
    origin.set("/page/a", Manner::Holds);
    early.send(trial, "GET /page/a")?;
    is_asked(trial, origin, "/page/a", 1)?;
    change(trial, other, "a", "new")?;
    origin.set("/page/a", Manner::Answers);
    early.answer(trial)?.is(trial, 200)?;
    page(trial, &mut late, "a", "new")?;
    page(trial, &mut early, "a", "new").map(drop)
}

/// A request that begins after the change must not get what that load brings.
fn is_joined_by_no_later_request(
    trial: &Trial,
    origin: &Origin,
    doors: &mut Doors,
    other: &mut Door,
) -> Kept {
    let (mut early, mut late) = (doors.take(trial, 1)?, doors.take(trial, 1)?);
    change(trial, other, "b", "old")?;
    origin.set("/page/b", Manner::Holds);
    early.send(trial, "GET /page/b")?;
    is_asked(trial, origin, "/page/b", 1)?;
    change(trial, other, "b", "new")?;
    late.send(trial, "GET /page/b")?;
    // Either it asks again, or it gets what it should not get: the answer says which.
    let _ = origin.was_asked("/page/b", 2, Duration::from_secs(5));
    // The load of the old value ends first, while that of the new one is under way.
    origin.set("/page/b", Manner::HoldsAfter(1));
    // A program may begin again for this client, and then it waits for the new value, too.
    let has_ended = || early.has_news().then_some(());
    let _ = processes::until(patience(Duration::from_secs(3)), has_ended);
    origin.set("/page/b", Manner::Answers);
    early.answer(trial)?.is(trial, 200)?;
    late.answer(trial)?.has(trial, "value", "new")?;
    page(trial, &mut early, "b", "new").map(drop)
}

/// Waits until the origin was asked `count` times.
pub(crate) fn is_asked(trial: &Trial, origin: &Origin, path: &str, count: usize) -> Kept {
    let was = origin.was_asked(path, count, PROMPT);
    let observed = format!("it was asked {} times", origin.asked(path).len());
    trial.expect(was, format!("the origin is asked {count} times for {path}"), observed)
}
