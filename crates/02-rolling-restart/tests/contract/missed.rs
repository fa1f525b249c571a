//! Workers that a roll must not drain: fewer than four would be ready.

use std::{collections::BTreeSet, time::Duration};

use harness::{Cluster, Kept, Signal, Trial, patience, who::children};

use crate::scene::{self, AT_ONCE, Met, NO_HURRY, ask_for_the_next};

/// How long the check watches a roll that could drain a worker that can't be spared.
const WATCH: Duration = Duration::from_millis(500);

/// An immediate start takes less than this.
const GRACE: Duration = Duration::from_millis(300);

/// A new worker becomes ready while another slot is empty and has to wait: four are ready, and the
/// roll can't spare any of them. The check stops the new worker until then.
pub(crate) fn while_a_slot_is_empty(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let waits = [("RESTART_DELAY_MS", &*wait), ("RESTART_DELAY_MAX_MS", &*wait)];
    // Slow enough for the check to stop it.
    let slow = format!("1.1.0:slow-start:{}", patience(Duration::from_secs(2)).as_millis());
    let faults = ("FAULTS", slow.as_str());
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, waits[0], waits[1], faults])?;
    let mut met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let mut victim = scene::in_slot(&met, 2);
    ask_for_the_next(&cluster);
    let new = scene::new_worker(trial, &cluster, &known)?;
    scene::stop_starting(trial, &cluster, new)?;
    known.insert(new);
    cluster.signal_process(victim, Signal::SIGKILL)?;
    // If the first death has a delay already, the slot is empty: another promise judges that.
    let next = || unknown_process(&cluster, &known);
    if let Some(again) = processes::until(patience(Duration::from_secs(2)), next) {
        known.insert(again);
        cluster.signal_process(again, Signal::SIGKILL)?;
        victim = again;
    }
    scene::is_reaped(trial, victim)?;
    // If the slot is filled without a delay, there are four again, and the roll may go on.
    if processes::until(patience(GRACE), || unknown_process(&cluster, &known)).is_some() {
        return Ok(());
    }
    cluster.signal_process(new, Signal::SIGCONT)?;
    its_predecessor_stays(trial, &cluster, &mut met)
}

/// The same with a slot whose next worker the check stops before it is ready.
pub(crate) fn while_a_slot_is_starting(trial: &Trial) -> Kept {
    let slow = patience(Duration::from_secs(2)).as_millis();
    let faults = format!("1.0.0/2:slow-start:{slow},1.1.0:slow-start:{slow}");
    let cluster = trial.start(&[NO_HURRY[0], NO_HURRY[1], AT_ONCE, ("FAULTS", &faults)])?;
    let mut met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let victim = scene::in_slot(&met, 2);
    ask_for_the_next(&cluster);
    let new = scene::new_worker(trial, &cluster, &known)?;
    scene::stop_starting(trial, &cluster, new)?;
    known.insert(new);
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let again = scene::new_worker(trial, &cluster, &known)?;
    scene::stop_starting(trial, &cluster, again)?;
    cluster.signal_process(new, Signal::SIGCONT)?;
    its_predecessor_stays(trial, &cluster, &mut met)
}

/// The new worker becomes ready. With it there are four, and none to spare.
fn its_predecessor_stays(trial: &Trial, cluster: &Cluster, met: &mut Met) -> Kept {
    let (new, _) = scene::first_answer(trial, cluster, "1.1.0")?;
    let (old, kept) = scene::predecessor(trial, met, &new)?;
    let how = processes::until(patience(WATCH), || scene::is_going(kept));
    let observed =
        format!("the old worker with pid {} {}", old.pid, how.clone().unwrap_or_default());
    let expected = "four ready workers: the roll drains no worker that it can't spare";
    trial
        .expect(how.is_none(), expected, observed)
        .map_err(|broken| broken.advice("How many are ready, and how many would be left?"))
}

/// A worker that is not among the `known` ones.
fn unknown_process(cluster: &Cluster, known: &BTreeSet<u32>) -> Option<u32> {
    children(cluster).difference(known).next().copied()
}
