//! Loads of a page that begin before its value changes, and end after that.

use std::time::Duration;

use harness::{
    Kept, Trial,
    origin::{Manner, Origin},
    patience,
};

use crate::{
    changes::{change, is_asked, page},
    scene::{Door, Doors, origin},
};

pub(crate) fn an_early_load_does_not_bring_the_old_value_back(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let cluster = trial.start(&[("ORIGIN", url.as_str()), ("ACK_TIMEOUT_MS", "60000")])?;
    let mut doors = Doors::open(trial, &cluster, 6)?;
    let mut other = doors.take(trial, 2)?;
    ends_after_the_change(trial, &origin, &mut doors, &mut other)?;
    is_joined_by_no_later_request(trial, &origin, &mut doors, &mut other)
        .map_err(|broken| broken.during("a request that came after the change, beside that load"))
}

/// A load of the old value begins, and the value changes before the load ends. Returns the client that
/// waits for it, and one that comes later.
fn changes_meanwhile(
    trial: &Trial,
    origin: &Origin,
    doors: &mut Doors,
    other: &mut Door,
    key: &str,
) -> Kept<(Door, Door)> {
    let (mut early, late) = (doors.take(trial, 1)?, doors.take(trial, 1)?);
    let path = format!("/page/{key}");
    change(trial, other, key, "old")?;
    origin.set(&path, Manner::Holds);
    early.send(trial, &format!("GET {path}"))?;
    is_asked(trial, origin, &mut early, (&path, 1))?;
    change(trial, other, key, "new")?;
    Ok((early, late))
}

/// The worker that loads it has the new value after that load, and so have the others.
fn ends_after_the_change(
    trial: &Trial,
    origin: &Origin,
    doors: &mut Doors,
    other: &mut Door,
) -> Kept {
    let (mut early, mut late) = changes_meanwhile(trial, origin, doors, other, "a")?;
    origin.set("/page/a", Manner::Answers);
    let reply = early.answer(trial)?.is(trial, 200)?;
    let version = if reply.json["value"] == "old" { 1 } else { 2 };
    reply.has(trial, "version", version)?;
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
    let (mut early, mut late) = changes_meanwhile(trial, origin, doors, other, "b")?;
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
