//! One load of a page for all workers: `FLIGHT=cluster`.

use std::time::Duration;

use harness::{
    Cluster, Kept, Signal, Trial,
    origin::{Manner, Origin},
};

use crate::{
    changes::{change, is_asked, page},
    loads::go_round,
    scene::{Door, Doors, PROMPT, WORKERS, millis, origin, times},
};

const PATH: &str = "/page/a";
const GET: &str = "GET /page/a";
/// A worker that loads a page has it for itself for so long.
const LEASE: Duration = Duration::from_secs(4);

pub(crate) fn a_page_is_asked_for_once_in_the_cluster(trial: &Trial) -> Kept {
    let (origin, url) = origin(trial)?;
    let lease = millis(LEASE);
    let settings = [
        ("ORIGIN", url.as_str()),
        ("ACK_TIMEOUT_MS", "60000"),
        ("CACHE_TTL_MS", "0"),
        ("FLIGHT", "cluster"),
        ("LEASE_MS", lease.as_str()),
    ];
    let cluster = trial.start(&settings)?;
    let mut doors = Doors::open(trial, &cluster, 4)?;
    let mut all = doors.one_each(trial)?;
    change(trial, &mut all[0], "a", "first")?;
    once(trial, &origin, &mut doors, &mut all)?;
    a_new_value_is_a_new_load(trial, &origin, &mut all)
        .map_err(|broken| broken.during("a value that changes while its page is loaded"))?;
    its_worker_dies(trial, &origin, &cluster, &mut all)
        .map_err(|broken| broken.during("a worker that dies while it loads a page"))
}

fn once(trial: &Trial, origin: &Origin, doors: &mut Doors, all: &mut [Door]) -> Kept {
    origin.set(PATH, Manner::Holds);
    let mut waiting = Vec::new();
    for (slot, same) in (1..=WORKERS).zip(all.iter_mut()) {
        for mut door in doors.take_some(trial, slot, 2)? {
            door.send(trial, GET)?;
            waiting.push(door);
        }
        is_asked(trial, origin, &mut waiting[0], (PATH, 1))?;
        go_round(trial, same)?;
    }
    // A request that was read may still be on its way to what all workers see. Until then nothing is released.
    let _ = origin.was_asked(PATH, 2, LEASE / 4);
    is_asked_in_all(trial, origin, 1, "all workers wait for one load")?;
    origin.set(PATH, Manner::Answers);
    for door in &mut waiting {
        door.answer(trial)?.has(trial, "value", "first")?;
    }
    is_asked_in_all(trial, origin, 1, "all workers wait for one load")?;
    page(trial, &mut all[3], "a", "first")?;
    is_asked_in_all(trial, origin, 2, "the page has expired, so the next request asks again")
}

fn is_asked_in_all(trial: &Trial, origin: &Origin, count: usize, why: &str) -> Kept {
    let asked = origin.asked(PATH).len();
    let observed = format!("the origin was asked {}", times(asked));
    trial.expect(asked == count, format!("{why}: {}", times(count)), observed)
}

/// No request waits for a load of the value before.
fn a_new_value_is_a_new_load(trial: &Trial, origin: &Origin, all: &mut [Door]) -> Kept {
    origin.set(PATH, Manner::Holds);
    all[0].send(trial, GET)?;
    is_asked(trial, origin, &mut all[0], (PATH, 3))?;
    change(trial, &mut all[1], "a", "second")?;
    all[2].send(trial, GET)?;
    is_asked(trial, origin, &mut all[2], (PATH, 4))?;
    origin.set(PATH, Manner::Answers);
    all[0].answer(trial)?.is(trial, 200)?;
    all[2].answer(trial)?.has(trial, "value", "second").map(drop)
}

fn its_worker_dies(trial: &Trial, origin: &Origin, cluster: &Cluster, all: &mut [Door]) -> Kept {
    origin.set(PATH, Manner::Holds);
    all[0].send(trial, GET)?;
    is_asked(trial, origin, &mut all[0], (PATH, 5))?;
    cluster.signal_process(all[0].pid, Signal::SIGKILL)?;
    all[1].send(trial, GET)?;
    let asked = origin.was_asked(PATH, 6, LEASE + PROMPT);
    trial.expect(asked, "another worker loads it once the lease is over", "none does")?;
    origin.set(PATH, Manner::Answers);
    all[1].answer(trial)?.has(trial, "value", "second").map(drop)
}
