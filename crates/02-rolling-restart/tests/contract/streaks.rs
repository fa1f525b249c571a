//! The restart streak of a slot: what begins it, what it costs, and what ends it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use harness::{
    Cluster, Kept, Signal, Trial, patience,
    who::{children, greet},
};

use crate::{
    pace::{self, millis},
    scene::{self, AT_ONCE, PROMPT, WORKERS},
};

/// The delay is longer than the check. After the first death of a slot there must be no delay, and
/// the delay of one slot must not hold up the primary elsewhere.
pub(crate) fn a_delay_is_for_one_slot_alone(trial: &Trial) -> Kept {
    let wait = patience(Duration::from_mins(1));
    let millis = wait.as_millis().to_string();
    let settings = [AT_ONCE, ("RESTART_DELAY_MS", &*millis), ("RESTART_DELAY_MAX_MS", &*millis)];
    let cluster = trial.start(&settings)?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let [first, second] = [1, 2].map(|slot| scene::in_slot(&met, slot));
    drop(met);
    let part = |text: &str| format!("with RESTART_DELAY_MS={millis}, after {text}");
    let again = replaced(trial, &cluster, &mut known, first, 1)
        .map_err(|broken| broken.during(&part("the first death in slot 1")))?;
    cluster.signal_process(again, Signal::SIGKILL)?;
    scene::is_reaped(trial, again)
        .and_then(|()| replaced(trial, &cluster, &mut known, second, 2))
        .map(|_| ())
        .map_err(|broken| {
            broken
                .during(&part("two deaths in slot 1 and the first in slot 2"))
                .advice("Which slot has to wait, and what does the primary do meanwhile?")
        })
}

/// Kills `victim` and waits until a new process answers as worker `slot`, long before a delay.
fn replaced(
    trial: &Trial,
    cluster: &Cluster,
    known: &mut BTreeSet<u32>,
    victim: u32,
    slot: u32,
) -> Kept<u32> {
    cluster.signal_process(victim, Signal::SIGKILL)?;
    let limit = patience(PROMPT);
    let new = processes::until(limit, || {
        let mut answers = greet(cluster, "/").into_iter().map(|(who, _)| who);
        answers.find(|who| who.worker == slot && !known.contains(&who.pid))
    });
    let Some(new) = new else {
        let observed =
            format!("no new process answers as worker {slot} within {} s", limit.as_secs());
        return Err(trial.broken(format!("another worker {slot} at once"), observed));
    };
    trial.recorder.observe(format!("worker {slot} answers again (pid {})", new.pid));
    known.insert(new.pid);
    Ok(new.pid)
}

/// In slot 2 no worker is ever ready. The first restart is immediate, the second has a delay longer than
/// the check: five workers are seen, and three are left.
pub(crate) fn a_late_start_is_a_death(trial: &Trial) -> Kept {
    let late = pace::ready_timeout(trial)?;
    let timeout = millis(late);
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let cluster = trial.start(&[
        AT_ONCE,
        ("FAULTS", "1.0.0/2:never-ready"),
        ("READY_TIMEOUT_MS", &timeout),
        ("RESTART_DELAY_MS", &wait),
        ("RESTART_DELAY_MAX_MS", &wait),
    ])?;
    let (mut seen, mut there) = (BTreeSet::new(), BTreeSet::new());
    // Two workers are late, one after the other.
    let waits = processes::until(patience(PROMPT) + late * 2, || {
        there = children(&cluster);
        seen.extend(there.iter().copied());
        (seen.len() > WORKERS && there.len() < WORKERS).then_some(())
    });
    // A program that doesn't count the death starts another worker soon. A program that counts it
    // twice starts no other worker.
    let again = processes::until(patience(Duration::from_millis(500)), || {
        children(&cluster).difference(&seen).next().copied()
    });
    let observed = format!(
        "{} processes were started, and {} are there",
        seen.len() + usize::from(again.is_some()),
        children(&cluster).len()
    );
    let expected = "a worker that is not ready in READY_TIMEOUT_MS is ended, and started again: at \
                    once, and then after RESTART_DELAY_MS";
    trial.expect(waits.is_some() && again.is_none(), expected, observed).map_err(|broken| {
        broken.advice(match seen.len() {
            WORKERS if there.len() == WORKERS => "What ends it, when nothing is rolled?",
            WORKERS => "How many deaths is that, and when may the slot have its next worker?",
            _ => "A worker that isn't ready in time counts in the restart streak of its slot.",
        })
    })
}

/// A worker that is ready for longer than the longest delay ends the streak; and no delay is longer.
/// Another slot loses its worker at the same moment and has no delay: the comparison tells whether this
/// one had to wait.
pub(crate) fn a_streak_ends_and_a_delay_has_a_limit(trial: &Trial) -> Kept {
    let most = patience(Duration::from_secs(2));
    let wait = patience(Duration::from_mins(1)).as_millis().to_string();
    let limit = most.as_millis().to_string();
    let cluster =
        trial.start(&[AT_ONCE, ("RESTART_DELAY_MS", &wait), ("RESTART_DELAY_MAX_MS", &limit)])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    let [victim, other] = [2, 3].map(|slot| scene::in_slot(&met, slot));
    drop(met);
    let again = replaced(trial, &cluster, &mut known, victim, 2)?;
    let is_gone = || (!processes::is_alive(again)).then_some(());
    processes::until(most.mul_f64(1.1), is_gone);
    for pid in [again, other] {
        cluster.signal_process(pid, Signal::SIGKILL)?;
    }
    known.insert(scene::new_worker(trial, &cluster, &known)?);
    let first = Instant::now();
    let last = scene::new_worker(trial, &cluster, &known)?;
    known.insert(last);
    let waited = first.elapsed();
    let observed = format!("slot 2 or 3 was filled {} ms after the other", waited.as_millis());
    let expected = format!("no delay: both were ready for longer than {limit} ms");
    trial
        .expect(waited < most / 2, expected, observed)
        .map_err(|broken| broken.advice("What ends the restart streak of a slot?"))?;
    // That is the second death of a streak, whichever slot it is.
    cluster.signal_process(last, Signal::SIGKILL)?;
    let part = format!("with RESTART_DELAY_MS={wait} RESTART_DELAY_MAX_MS={limit}");
    scene::new_worker(trial, &cluster, &known).map(|_| ()).map_err(|broken| broken.during(&part))
}
