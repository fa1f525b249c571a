//! A worker whose process exists, and that isn't ready yet.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use events::{Event, WorkerEvent};
use harness::{Cluster, Kept, Signal, Trial, patience, who::children};
use serde_json::json;

use crate::{
    inbox::{note, wait_for_messages},
    scene::{self, Doors, FAR, PROMPT, door, freeze, get, successor, thaw},
};

/// How often the next process may be stopped too late.
const ROUNDS: usize = 20;

/// Worker 2 dies, and the next process in its slot is stopped before it is ready.
pub(crate) fn can_be_asked_and_told(trial: &Trial, cluster: &Cluster, doors: &mut Doors) -> Kept {
    let second = scene::pid_of(trial, doors, 2)?;
    freeze(trial, cluster, second)?;
    let asker = door(trial, doors, 1)?;
    let (mut asker, _) = get(trial, asker, &format!("/send/2?text=lost&{FAR}"), 202)?;
    let mut new = second;
    for _ in 0..ROUNDS {
        let known = children(cluster);
        cluster.signal_process(new, Signal::SIGKILL)?;
        new = stopped_at_once(trial, cluster, &known)?;
        asker = get(trial, asker, "/ask/2?text=x&timeout_ms=300", 504)?.0;
        if !says_that_it_was_ready(trial, new) {
            break;
        }
    }
    let (asker, stats) = get(trial, asker, "/stats?timeout_ms=300", 200)?;
    let missing = json!([{ "worker": 2, "why": "timeout" }]);
    let expected = format!("/stats with missing: {missing}");
    trial.expect(stats["missing"] == missing, expected, stats.to_string())?;
    let (_, json) = get(trial, asker, &format!("/send/2?text=first&{FAR}"), 202)?;
    trial.expect(json["sequence"] == 1, "sequence 1 for a new process", json.to_string())?;
    thaw(cluster, new)?;
    let (_, read) = successor(trial, cluster, 2, &[second])?;
    wait_for_messages(trial, read, &[note(1, "first")])?;
    Ok(())
}

/// The process that fills the slot of one of `known`. It is stopped as soon as it executes its program:
/// until then the primary may wait for that, and must not be held up.
fn stopped_at_once(trial: &Trial, cluster: &Cluster, known: &BTreeSet<u32>) -> Kept<u32> {
    let listed =
        || processes::children_of(cluster.pid).into_iter().find(|pid| !known.contains(pid));
    let is_new = || {
        let new = listed().or_else(|| children(cluster).difference(known).next().copied());
        new.map(Some).or_else(|| (!cluster.is_running()).then_some(None))
    };
    let found = soon(listed).map(Some);
    let found = found.or_else(|| processes::until(patience(PROMPT), is_new)).flatten();
    let observed = if cluster.is_running() { "no new process" } else { "the primary has ended" };
    let new =
        found.ok_or_else(|| trial.broken("a new process in the slot of worker 2", observed))?;
    let primary = processes::layout(cluster.pid);
    // A worker that is forked and executes nothing is stopped later, which proves less.
    let _ = soon(|| processes::layout(new).filter(|own| Some(*own) != primary));
    // Without the look at all processes that a recorded signal takes.
    let _ = processes::sweep::send(new, Signal::SIGSTOP);
    trial.recorder.observe(format!("pid {new} is there"));
    freeze(trial, cluster, new)?;
    Ok(new)
}

/// It proves nothing, so the check goes on with another process, and with this one if it is the last.
fn says_that_it_was_ready(trial: &Trial, new: u32) -> bool {
    let is_it =
        |event: &Event| matches!(event, Event::Worker(WorkerEvent::Ready(id)) if id.pid.0 == new);
    trial.recorder.wait_for_report(Duration::ZERO, is_it).is_some()
}

/// Looks without a pause, for a second at most: a worker is ready some milliseconds after its process
/// is there.
fn soon<T>(mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + Duration::from_secs(1);
    loop {
        let seen = probe();
        if seen.is_some() || Instant::now() >= deadline {
            return seen;
        }
        thread::yield_now();
    }
}
