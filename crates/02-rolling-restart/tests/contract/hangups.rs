//! SIGHUP in phases in which it means something else.

use std::{collections::BTreeSet, time::Duration};

use harness::{Kept, Signal, Trial, patience, who::whole};

use crate::scene::{self, AT_ONCE, NO_HURRY, PROMPT, ask_for_the_next, settled};

/// On the way back SIGHUP does nothing. A request in the first slot holds the way back up.
pub(crate) fn on_the_way_back(trial: &Trial) -> Kept {
    let faults = ("FAULTS", "1.1.0/2:never-ready,1.1.0/3:never-ready");
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[0], NO_HURRY[1], faults])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let (new, kept) = scene::first_answer(trial, &cluster, "1.1.0")?;
    known.insert(new.pid);
    let path = scene::slow(3000);
    let held = cluster.get_on(kept, &path).in_flight()?;
    let waits = scene::new_worker(trial, &cluster, &known)?;
    cluster.signal(Signal::SIGHUP);
    is_gone(trial, waits, "SIGHUP during a roll ends the worker that is not ready")?;
    cluster.signal(Signal::SIGHUP);
    settled(trial, &cluster, "1.0.0", &BTreeSet::new())
        .map_err(|broken| broken.during("SIGHUP twice during a roll to 1.1.0"))?;
    whole(trial, held).map(|_| ())
}

/// A way back that was called off can be asked for again.
pub(crate) fn after_a_roll_that_was_called_off(trial: &Trial) -> Kept {
    let slow = format!("1.0.0:slow-start:{}", patience(Duration::from_millis(700)).as_millis());
    let cluster = trial.start(&[AT_ONCE, NO_HURRY[1], ("FAULTS", &slow)])?;
    let mut known = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    known.extend(settled(trial, &cluster, "1.1.0", &known)?);
    cluster.signal(Signal::SIGHUP);
    let new = scene::new_worker(trial, &cluster, &known)?;
    known.insert(new);
    cluster.signal(Signal::SIGHUP);
    is_gone(trial, new, "a second SIGHUP, during the roll back, calls it off")?;
    settled(trial, &cluster, "1.1.0", &BTreeSet::new())?;
    scene::signals_are_heard(&cluster);
    cluster.signal(Signal::SIGHUP);
    settled(trial, &cluster, "1.0.0", &known)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGHUP, after a roll that was called off"))
}

/// Waits until `pid` was reaped.
pub(crate) fn is_gone(trial: &Trial, pid: u32, expected: &str) -> Kept {
    let is_gone = || processes::process(pid).is_none().then_some(());
    let observed = format!("pid {pid} is still there");
    trial.expect(processes::until(patience(PROMPT), is_gone).is_some(), expected, observed)
}
