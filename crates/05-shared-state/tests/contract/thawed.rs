//! A worker that is frozen while a value changes, and runs again.

use std::time::Duration;

use harness::{
    Cluster, Kept, Trial,
    origin::{Manner, Origin},
    patience,
    wire::{Connection, request},
};

use crate::{
    changes::{ACK_TIMEOUT, change, page},
    scene::{Door, Doors, PROMPT, Reply, WORKERS},
};

/// Requests that reach the frozen worker before it hears of the change.
const EARLY: usize = 6;
/// How long a worker that runs again may take for these, without its primary.
const WITHOUT_THE_PRIMARY: Duration = Duration::from_secs(5);
/// Changes of other keys, while the worker is frozen, and how long these keys are. They fill every buffer on
/// the way to it, so the last change is still in the primary when the worker runs again. And the primary is
/// stopped until the worker has answered: otherwise it might hear of the change first, by chance.
const OTHERS: usize = 400;
const LONG_KEY: usize = 2000;

pub(crate) fn a_frozen_worker_serves_nothing_old(
    trial: &Trial,
    origin: &Origin,
    cluster: &Cluster,
    doors: &mut Doors,
    all: &mut [Door],
) -> Kept {
    page(trial, &mut all[2], "need", "")?;
    let mut early = doors.take_some(trial, 3, EARLY)?;
    let mut in_need = doors.take(trial, 3)?;
    let frozen = in_need.pid;
    cluster.freeze(frozen)?;
    for door in &mut early {
        door.send_first_line(trial, "GET /page/a")?;
    }
    in_need.send_first_line(trial, "GET /page/need")?;
    change_many(trial, cluster)?;
    let mut other = doors.take(trial, 2)?;
    other.send_as(trial, "PUT /config/need", None, "needed")?;
    let reply = change(trial, &mut all[0], "a", "thawed")?;
    took_its_time(trial, &reply)?;
    let reply = reply.has(trial, "acknowledged", vec![1, 2, 4])?;
    other.answer(trial)?.is(trial, 200)?;
    for slot in [1, 2, 4] {
        page(trial, &mut all[slot - 1], "a", "thawed")?;
    }
    // A request has begun when the last byte of its head is there: after the change.
    for door in &mut early {
        door.send_the_rest(trial, "GET /page/a")?;
    }
    in_need.send_the_rest(trial, "GET /page/need")?;
    origin.set("/page/need", Manner::Fails);
    cluster.freeze(cluster.pid)?;
    cluster.thaw(frozen)?;
    let are_answered = || early.iter_mut().all(Door::has_news).then_some(());
    // A worker that asks its primary first answers when that runs again.
    let _ = processes::until(patience(WITHOUT_THE_PRIMARY), are_answered);
    cluster.thaw(cluster.pid)?;
    let version = reply.number(trial, "version")?;
    for door in &mut early {
        let reply = door.answer(trial)?;
        reply.has(trial, "value", "thawed")?.has(trial, "version", version)?;
    }
    in_need
        .answer(trial)?
        .is(trial, 502)
        .map_err(|broken| broken.during("a thawed worker whose origin fails"))?;
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
