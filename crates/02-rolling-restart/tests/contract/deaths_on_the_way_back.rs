//! Deaths of good workers while a failed roll is on its way back: they cost the same delays as ever.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{Cluster, Kept, Signal, Trial, patience, who::children};

use crate::{
    pace::{self, millis},
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, WORKERS, ask_for_the_next},
};

/// How long the check watches for a replacement that must not start.
const WATCH: Duration = Duration::from_millis(1500);

/// 1.1.0 runs in one slot when it fails in the next one. A request there holds up the way back. A
/// worker of 1.0.0 dies, and its replacement dies before it is ready: the second death of a streak.
pub(crate) fn have_their_delays(trial: &Trial) -> Kept {
    let start = pace::longer_than_a_start(trial, Duration::from_millis(200))?;
    // So long that what is killed below is killed while it starts.
    let start_millis = millis(patience(Duration::from_secs(1)));
    let wait = patience(Duration::from_mins(2)).as_millis().to_string();
    let faults =
        format!("1.0.0:slow-start:{start_millis},1.1.0/2:crash-at-start,1.1.0/3:crash-at-start");
    let cluster = trial.start(&[
        AT_ONCE,
        NO_HURRY[0],
        NO_HURRY[1],
        ("FAULTS", &faults),
        ("RESTART_DELAY_MS", &wait),
        ("RESTART_DELAY_MAX_MS", &wait),
    ])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    ask_for_the_next(&cluster);
    let (new, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
    known.insert(new.pid);
    let path = scene::slow(30_000);
    let held = cluster.get_on(kept, &path).in_flight()?;
    // The old worker in that slot is gone, then the new version fails in the next slot, and the way
    // back begins with a worker of 1.0.0 in this one: the only process that stays.
    let old = scene::in_slot(&met, new.worker);
    scene::is_reaped(trial, old)?;
    let back = stays(trial, &cluster, &known, start)?;
    known.insert(back);
    let slot = if new.worker == 2 { 3 } else { 2 };
    cluster.signal_process(scene::in_slot(&met, slot), Signal::SIGKILL)?;
    let again = scene::new_worker(trial, &cluster, &known)?;
    known.insert(again);
    cluster.signal_process(again, Signal::SIGKILL)?;
    scene::is_reaped(trial, again)?;
    let third =
        processes::until(patience(WATCH), || children(&cluster).difference(&known).next().copied());
    let observed =
        format!("worker {slot} is started again at once (pid {})", third.unwrap_or_default());
    let expected = "a delay after the second death in a slot: RESTART_DELAY_MS is two minutes";
    trial
        .expect(third.is_none(), expected, observed)
        .map_err(|broken| broken.advice("Which version died, and which one is being given up?"))?;
    // It is cut off now: it was there to hold up the way back.
    drop(held);
    Ok(())
}

/// The one new process that stays: workers of 1.1.0 come and go. Each of those is there for as long as
/// the program takes until it comes to its fault.
fn stays(trial: &Trial, cluster: &Cluster, known: &BTreeSet<u32>, start: Duration) -> Kept<u32> {
    let limit = patience(PROMPT) + start;
    let mut last = None;
    let mut since = Instant::now();
    let found = processes::until(limit, || {
        let new = children(cluster).difference(known).next().copied();
        if new != last {
            since = Instant::now();
        }
        last = new;
        last.filter(|_| since.elapsed() > start && children(cluster).len() == WORKERS + 1)
    });
    let observed = format!("none that stays within {} s", limit.as_secs());
    found.ok_or_else(|| trial.broken("a worker of 1.0.0 beside the one of 1.1.0", observed))
}
