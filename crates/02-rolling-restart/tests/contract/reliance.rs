//! Which workers a roll relies on: those that have been ready for `MIN_READY_MS`.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{Who, greet},
};

use crate::scene::{self, NO_HURRY, PROMPT, ask_for_the_next};

/// The worker in slot 2 or 3 dies while the first new worker is young. Its replacement becomes ready
/// later than the new worker, so the old worker in that slot must wait until the replacement, too, has
/// been ready for `MIN_READY_MS`.
pub(crate) fn a_roll_relies_only_on_workers_that_are_available(trial: &Trial) -> Kept {
    let min_ready = patience(Duration::from_secs(2));
    let millis = min_ready.as_millis().to_string();
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], ("MIN_READY_MS", &millis)])?;
    let mut met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let ready = Instant::now();
    known.insert(new.pid);
    let slot = if new.worker == 2 { 3 } else { 2 };
    let victim = scene::in_slot(&met, slot);
    // Half of the time, so that the two can be told apart on a busy machine.
    let half = ready + min_ready / 2;
    processes::until(half.saturating_duration_since(Instant::now()), || {
        (!cluster.is_running()).then_some(())
    });
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let replacement = answers_in(trial, &cluster, slot, &known)?;
    let since = Instant::now();
    let (old, kept) = scene::predecessor(trial, &mut met, &new)?;
    scene::it_drains(trial, old, kept)?;
    let relied = since.elapsed();
    let observed = format!(
        "the old worker {} drains {} ms after the first answer of pid {replacement}",
        new.worker,
        relied.as_millis()
    );
    let expected = format!("a drain that leaves four workers, each ready for {millis} ms");
    trial.expect(relied > min_ready * 3 / 4, expected, observed).map_err(|broken| {
        broken.advice("How many workers are available, and how many of them would be left?")
    })
}

/// Waits until an unknown process answers as the worker in `slot`, and returns its pid.
fn answers_in(trial: &Trial, cluster: &Cluster, slot: u32, known: &BTreeSet<u32>) -> Kept<u32> {
    let limit = patience(PROMPT);
    let is_it = |who: &Who| who.worker == slot && !known.contains(&who.pid);
    let found = processes::until(limit, || {
        greet(cluster, "/", limit).into_iter().map(|(who, _)| who).find(is_it)
    });
    let observed = format!("none within {} s", limit.as_secs());
    found
        .map(|who| who.pid)
        .ok_or_else(|| trial.broken(format!("an answer of a new worker {slot}"), observed))
}
