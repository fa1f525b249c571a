//! Which workers a roll relies on: those that have been ready for `MIN_READY_MS`.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{Who, greet, whole},
    wire::Connection,
};

use serde_json::Value;

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
    let (replacement, kept) = answers_in(trial, &cluster, slot, &known)?;
    let since = ready_since(trial, &cluster, kept)?;
    let (old, kept) = scene::predecessor(trial, &mut met, &new)?;
    scene::it_drains(trial, old, kept)?;
    let relied = since.elapsed();
    let observed = format!(
        "the old worker {} drains {} ms after pid {replacement} was ready",
        new.worker,
        relied.as_millis()
    );
    let expected = format!("a drain that leaves four workers, each ready for {millis} ms");
    trial.expect(relied >= min_ready, expected, observed).map_err(|broken| {
        broken.advice("How many workers are available, and how many of them would be left?")
    })
}

/// Waits until an unknown process answers as the worker in `slot`. Returns its pid, and the connection.
fn answers_in(
    trial: &Trial,
    cluster: &Cluster,
    slot: u32,
    known: &BTreeSet<u32>,
) -> Kept<(u32, Connection)> {
    let limit = patience(PROMPT);
    let is_it = |who: &Who| who.worker == slot && !known.contains(&who.pid);
    let found =
        processes::until(limit, || greet(cluster, "/").into_iter().find(|(who, _)| is_it(who)));
    let observed = format!("none within {} s", limit.as_secs());
    found
        .map(|(who, kept)| (who.pid, kept))
        .ok_or_else(|| trial.broken(format!("an answer of a new worker {slot}"), observed))
}

/// When the worker at the other end was ready, as it says itself: the check may look later. The clock
/// is read before the question, and a part of a millisecond counts as a whole one, so this is never
/// later than it was.
fn ready_since(trial: &Trial, cluster: &Cluster, kept: Connection) -> Kept<Instant> {
    let asked = Instant::now();
    let (_, reply) = whole(trial, cluster.get_on(kept, "/").in_flight()?)?;
    let says: Value = serde_json::from_str(&reply.answer.body).unwrap_or_default();
    let uptime = says["uptime_ms"].as_u64().map(|millis| Duration::from_millis(millis + 1));
    let since = uptime.and_then(|uptime| asked.checked_sub(uptime));
    since.ok_or_else(|| trial.broken("a GET / with \"uptime_ms\"", reply.answer.body.clone()))
}
