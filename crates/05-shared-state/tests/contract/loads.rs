//! How often the origin is asked for an expired page, and what one failure costs.

use harness::{
    Kept, Trial,
    origin::{Manner, Origin},
};

use crate::{
    changes::{change, is_asked, page},
    expiry::{TTL, a_page_expires},
    scene::{Door, Doors, PROMPT, WORKERS, millis, origin, times},
};

/// Requests to each worker that wait for the same page.
const WAITING: usize = 4;

pub(crate) fn an_expired_page_is_asked_for_once(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    // Each page has expired at once, so nothing has to be waited for.
    let settings = [("ORIGIN", url.as_str()), ("ACK_TIMEOUT_MS", "60000"), ("CACHE_TTL_MS", "0")];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, WAITING + 4)?;
    let mut all = doors.one_each(trial)?;
    change(trial, &mut all[0], "a", "page-a")?;
    change(trial, &mut all[0], "b", "page-b")?;
    for door in &mut all {
        // Also for the first word from the primary.
        page(trial, door, "a", "page-a")?;
    }
    once_a_worker(trial, &origin, &mut doors, &mut all)?;
    failures(trial, &origin, &mut all[1])?;
    for_all_that_wait(trial, &origin, &mut doors, &mut all[1])?;
    drop(cluster);
    a_page_expires(trial, &origin, &url)
        .map_err(|broken| broken.during(&format!("CACHE_TTL_MS={}", millis(TTL))))
}

fn once_a_worker(trial: &Trial, origin: &Origin, doors: &mut Doors, all: &mut [Door]) -> Kept {
    let before = origin.asked("/page/a").len();
    let workers = WORKERS as usize;
    origin.set("/page/a", Manner::Holds);
    let mut waiting = Vec::new();
    for slot in 1..=WORKERS {
        let mut first = doors.take(trial, slot)?;
        first.send(trial, "GET /page/a")?;
        is_asked(trial, origin, &mut first, ("/page/a", before + slot as usize))?;
        for mut door in doors.take_some(trial, slot, WAITING - 1)? {
            door.send(trial, "GET /page/a")?;
            waiting.push(door);
        }
        // Those have been read by the time at which this is answered.
        go_round(trial, &mut all[slot as usize - 1])?;
        // Its client hangs up. The others go on waiting for the same load.
        trial.recorder.observe(format!("the first client of worker {slot} hangs up"));
        drop(first);
        go_round(trial, &mut all[slot as usize - 1])?;
        page(trial, &mut all[slot as usize - 1], "b", "page-b")
            .map_err(|broken| broken.during("another page, while the first one is being loaded"))?;
    }
    origin.set("/page/a", Manner::Answers);
    let number = waiting.len() + workers;
    for mut door in waiting {
        door.answer(trial)?.has(trial, "value", "page-a")?;
    }
    let asked = origin.asked("/page/a").len() - before;
    let observed = format!("the origin was asked {} for {number} requests", times(asked));
    trial.expect(asked == workers, format!("{workers} times: once a worker"), observed)
}

/// The worker answers a few more requests: what was there before them has been read.
pub(crate) fn go_round(trial: &Trial, door: &mut Door) -> Kept {
    (0..3).try_for_each(|_| door.ask(trial, "GET /")?.is(trial, 200).map(drop))
}

/// Requests that wait for a load that fails get the old page, too.
fn for_all_that_wait(trial: &Trial, origin: &Origin, doors: &mut Doors, door: &mut Door) -> Kept {
    let before = origin.asked("/page/a").len();
    origin.set("/page/a", Manner::Holds);
    let mut waiting = doors.take_some(trial, door.worker, 2)?;
    for other in &mut waiting {
        other.send(trial, "GET /page/a")?;
        is_asked(trial, origin, other, ("/page/a", before + 1))?;
    }
    go_round(trial, door)?;
    origin.set("/page/a", Manner::Fails);
    for other in &mut waiting {
        other
            .answer(trial)?
            .has(trial, "value", "page-a")
            .map_err(|broken| broken.during("requests that wait for a load that fails"))?;
    }
    Ok(())
}

fn failures(trial: &Trial, origin: &Origin, door: &mut Door) -> Kept {
    origin.set("/page/a", Manner::Fails);
    for _ in 0..2 {
        let before = origin.asked("/page/a").len();
        page(trial, door, "a", "page-a")
            .map_err(|broken| broken.during("an expired page, while the origin fails"))?;
        let asked = origin.asked("/page/a").len() - before;
        let observed = format!("the origin was asked {}", times(asked));
        trial.expect(asked == 1, "each request tries the origin again: once", observed)?;
    }
    origin.set("/page/c", Manner::Fails);
    for _ in 0..2 {
        door.ask(trial, "GET /page/c")?.is(trial, 502)?;
    }
    origin.set("/page/c", Manner::Answers);
    door.ask(trial, "GET /page/c")?.is(trial, 200)?;
    origin.set("/page/a", Manner::Answers);
    page(trial, door, "a", "page-a")?;
    let has = origin.has_answered("/page/a", origin.asked("/page/a").len(), PROMPT);
    trial.expect(has, "an origin without open questions", "there is one")
}
