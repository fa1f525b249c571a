//! What comes after something else: after a roll, after a failed one, after the only new worker.

use std::{collections::BTreeSet, time::Duration};

use harness::{
    Kept, Signal, Trial, patience,
    who::{children, greet},
};

use crate::{
    boundaries::another,
    hangups::is_gone,
    pace::{self, millis},
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, ask_for_the_next, settled},
};

/// After a roll the first restart in each slot is immediate.
pub(crate) fn a_roll_does_not_count_as_a_death(trial: &Trial) -> Kept {
    let wait = waits();
    let delays = [("RESTART_DELAY_MS", &*wait), ("RESTART_DELAY_MAX_MS", &*wait)];
    let cluster = trial.start(&[AT_ONCE, delays[0], delays[1]])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let there = settled(trial, &cluster, "1.1.0", &known)?;
    known.extend(&there);
    let victim = there.first().copied().unwrap_or_default();
    cluster.signal_process(victim, Signal::SIGKILL)?;
    scene::new_worker(trial, &cluster, &known)
        .map(|_| ())
        .map_err(|broken| broken.during("the first death after a roll"))
}

/// A worker that was ready for a moment does not end the streak.
pub(crate) fn a_moment_does_not_end_a_streak(trial: &Trial) -> Kept {
    let wait = waits();
    let delays = [("RESTART_DELAY_MS", &*wait), ("RESTART_DELAY_MAX_MS", &*wait)];
    let cluster = trial.start(&[AT_ONCE, delays[0], delays[1]])?;
    let met = scene::meet_all(trial, &cluster)?;
    let mut known: BTreeSet<u32> = met.keys().copied().collect();
    cluster.signal_process(scene::in_slot(&met, 1), Signal::SIGKILL)?;
    let again = another(trial, &cluster, &known, "1.0.0")?;
    known.insert(again);
    cluster.signal_process(again, Signal::SIGKILL)?;
    scene::is_reaped(trial, again)?;
    let third = processes::until(patience(Duration::from_millis(1500)), || {
        children(&cluster).difference(&known).next().copied()
    });
    let observed = format!("a third one at once (pid {})", third.unwrap_or_default());
    trial.expect(third.is_none(), "a delay of a minute after the second death", observed)
}

/// A worker that dies after a failed roll is replaced by one of its own version.
pub(crate) fn a_death_after_a_failed_roll(trial: &Trial) -> Kept {
    let timeout = millis(pace::ready_timeout(trial)?);
    let faults = ("FAULTS", "1.1.0:never-ready");
    let cluster = trial.start(&[AT_ONCE, faults, ("READY_TIMEOUT_MS", &timeout)])?;
    let known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let failed = scene::new_worker(trial, &cluster, &known)?;
    is_gone(trial, failed, "a worker that is not ready in time is ended")?;
    let victim = known.first().copied().unwrap_or_default();
    cluster.signal_process(victim, Signal::SIGKILL)?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::from([victim]))
        .map(|_| ())
        .map_err(|broken| broken.during("a death after a roll that failed"))
}

/// A new worker that dies of a signal before it is ready has failed like any other.
pub(crate) fn a_start_that_is_killed(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0:never-ready");
    let cluster = trial.start(&[AT_ONCE, faults, NO_HURRY[0], NO_HURRY[1]])?;
    let known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let failed = scene::new_worker(trial, &cluster, &known)?;
    cluster.signal_process(failed, Signal::SIGKILL)?;
    scene::is_reaped(trial, failed)?;
    ask_for_the_next(&cluster);
    settled(trial, &cluster, "1.2.0", &known)
        .map(|_| ())
        .map_err(|broken| broken.during("a new worker that is killed before it is ready"))
}

/// Each start is quick enough, and the whole roll is not.
pub(crate) fn progress_does_not_wind_the_clock(trial: &Trial) -> Kept {
    let slow = format!("1.1.0:slow-start:{}", patience(Duration::from_millis(900)).as_millis());
    let limit = patience(Duration::from_secs(2)).as_millis().to_string();
    let cluster =
        trial.start(&[AT_ONCE, ("FAULTS", &slow), NO_HURRY[1], ("ROLL_TIMEOUT_MS", &limit)])?;
    let known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    scene::new_worker(trial, &cluster, &known)?;
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())
        .map(|_| ())
        .map_err(|broken| broken.during("four starts of 0.9 s, with ROLL_TIMEOUT_MS=2000"))
}

/// The only worker of the new version dies while the old one in its slot drains.
pub(crate) fn the_only_new_worker_dies(trial: &Trial) -> Kept {
    let slow = format!("1.1.0:slow-start:{}", patience(Duration::from_secs(1)).as_millis());
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[0], NO_HURRY[1], ("FAULTS", &slow)])?;
    let mut idle = scene::meet_all(trial, &cluster)?;
    let held = scene::hold_all(trial, &cluster, 3000)?;
    ask_for_the_next(&cluster);
    let (new, _) = scene::first_answer(trial, &cluster, "1.1.0")?;
    let (old, kept) = scene::predecessor(trial, &mut idle, &new)?;
    scene::it_drains(trial, old, kept)?;
    let mut known = children(&cluster);
    known.insert(new.pid);
    cluster.signal_process(new.pid, Signal::SIGKILL)?;
    let next = scene::new_worker(trial, &cluster, &known)?;
    let limit = patience(PROMPT);
    let said = processes::until(limit, || {
        let mut answers = greet(&cluster, "/").into_iter().map(|(who, _)| who);
        answers.find(|who| who.pid == next).map(|who| who.version)
    });
    drop(held);
    let said = said.unwrap_or_else(|| "nothing".to_owned());
    let observed = format!("the new worker says {said}");
    trial.expect(said == "1.0.0", "an old worker in that slot again", observed)
}

fn waits() -> String {
    patience(Duration::from_mins(1)).as_millis().to_string()
}
