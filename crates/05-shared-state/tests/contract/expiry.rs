//! How long a worker may serve a page from its cache.

use std::time::{Duration, Instant};

use harness::{
    Kept, Trial,
    origin::{Manner, Origin},
    patience,
};

use crate::{
    changes::{is_asked, page},
    scene::{Door, Doors, PROMPT, millis, times},
};

pub(crate) const TTL: Duration = Duration::from_secs(2);
const ANY: &str = "/page/any";
const USED: &str = "/page/used";
const SLOW: &str = "/page/slow";

/// Use does not make a page younger, nor does an origin that takes its time.
pub(crate) fn a_page_expires(trial: &Trial, origin: &Origin, url: &str) -> Kept {
    let ttl = millis(TTL);
    let settings = [("ORIGIN", url), ("ACK_TIMEOUT_MS", "60000"), ("CACHE_TTL_MS", ttl.as_str())];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 2)?;
    let (mut user, mut slow) = (doors.take(trial, 1)?, doors.take(trial, 1)?);
    is_current(trial, origin, &mut user)?;
    origin.set(SLOW, Manner::Holds);
    slow.send(trial, "GET /page/slow")?;
    is_asked(trial, origin, &mut slow, (SLOW, 1))?;
    while_it_is_used(trial, origin, &mut user)?;
    stays_expired(trial, origin, &mut user)?;
    // That load began before the page did that has expired by now.
    origin.set(SLOW, Manner::Answers);
    slow.answer(trial)?.is(trial, 200)?;
    page(trial, &mut slow, "slow", "")?;
    let observed = format!("the origin was asked {}", times(origin.asked(SLOW).len()));
    let expected = "a page whose load took longer than CACHE_TTL_MS has expired: twice";
    trial.expect(origin.asked(SLOW).len() == 2, expected, observed)
}

/// From its first word from the primary on, the worker uses its cache.
fn is_current(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    let cached = processes::until(patience(PROMPT), || {
        let before = origin.asked(ANY).len();
        page(trial, door, "any", "").ok()?;
        (before > 0 && origin.asked(ANY).len() == before).then_some(())
    });
    trial.expect(cached.is_some(), "a worker that uses its cache", "it asks the origin each time")
}

/// A page that is served because the origin fails has expired all the same. This page was loaded before
/// `/page/used`, which has expired by now.
fn stays_expired(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    origin.set(ANY, Manner::Fails);
    let before = origin.asked(ANY).len();
    for _ in 0..3 {
        page(trial, door, "any", "")?;
    }
    let asked = origin.asked(ANY).len() - before;
    let expected = "each of three requests for an expired page asks the origin, which fails";
    trial.expect(asked == 3, expected, format!("it was asked {}", times(asked)))
}

/// Asks for a page again and again, until the origin is asked for it once more.
fn while_it_is_used(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    let (ttl, begins) = (patience(TTL), Instant::now());
    page(trial, door, "used", "")?;
    let loaded = Instant::now();
    door.is_quiet = true;
    let mut outcome = Ok(());
    let expired = processes::until(ttl + patience(PROMPT), || {
        let sent = Instant::now();
        outcome = page(trial, door, "used", "").map(drop);
        let is_loaded_again = origin.asked(USED).len() > 1;
        let is_late = sent.duration_since(loaded) > ttl;
        (outcome.is_err() || is_loaded_again || is_late).then_some(is_loaded_again)
    });
    door.is_quiet = false;
    outcome?;
    let after = begins.elapsed();
    let observed = format!("it is served from the cache {after:.1?} after it was loaded");
    trial.expect(
        expired == Some(true),
        "a page that expires, however much it is used",
        observed,
    )?;
    let observed = format!("the origin was asked again after {after:.1?}");
    trial.recorder.observe(observed.clone());
    let expected = format!("a page that is used from the cache for CACHE_TTL_MS ({ttl:?})");
    trial.expect(after >= ttl, expected, observed)
}
