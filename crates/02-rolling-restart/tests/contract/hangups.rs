//! SIGHUP in phases in which it means something else.

use std::{collections::BTreeSet, time::Duration};

use harness::{Cluster, Kept, Signal, Trial, patience, who::whole};

use crate::{
    pace,
    rolls::under_load,
    scene::{self, AT_ONCE, NO_HURRY, PROMPT, ask_for_the_next, settled},
};

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

/// The version before can fail, too. It was good, so the tester breaks it: it kills a new worker, and
/// stops another one, which is never ready then.
pub(crate) fn to_a_version_that_fails(trial: &Trial) -> Kept {
    let (cluster, old) = rolled_once(trial)?;
    under_load(trial, &cluster, || {
        fails(trial, &cluster, &old, Signal::SIGKILL)?;
        fails(trial, &cluster, &old, Signal::SIGSTOP)
    })?;
    scene::signals_are_heard(&cluster);
    cluster.signal(Signal::SIGHUP);
    settled(trial, &cluster, "1.0.0", &old)
        .map(|_| ())
        .map_err(|broken| broken.during("SIGHUP, after two roll backs that failed"))
}

/// A cluster whose four workers run 1.1.0. A worker of 1.0.0 starts so slowly that the tester can
/// break it before it is ready.
pub(crate) fn rolled_once(trial: &Trial) -> Kept<(Cluster, BTreeSet<u32>)> {
    let slow = patience(Duration::from_secs(1));
    let limit = pace::millis(pace::ready_timeout(trial)? + slow);
    let faults = format!("1.0.0:slow-start:{}", slow.as_millis());
    let settings = [AT_ONCE, ("READY_TIMEOUT_MS", &limit), ("FAULTS", &faults)];
    let cluster = trial.start(&settings)?;
    let first = settled(trial, &cluster, "1.0.0", &BTreeSet::new())?;
    ask_for_the_next(&cluster);
    let old = settled(trial, &cluster, "1.1.0", &first)?;
    Ok((cluster, old))
}

/// SIGHUP begins a roll that fails, because the first new worker gets `signal`. The `old` workers
/// serve on.
pub(crate) fn fails(trial: &Trial, cluster: &Cluster, old: &BTreeSet<u32>, signal: Signal) -> Kept {
    scene::signals_are_heard(cluster);
    cluster.signal(Signal::SIGHUP);
    let new = scene::new_worker(trial, cluster, old)?;
    // Between `fork` and `exec` a signal that stops it would stop its parent, too.
    let _ = processes::until(patience(PROMPT), || processes::is_asleep(new).then_some(()));
    cluster.signal_process(new, signal)?;
    is_gone(trial, new, "the primary gives up a roll back whose worker is not ready")?;
    let there = settled(trial, cluster, "1.1.0", &BTreeSet::new())
        .map_err(|broken| broken.during("a roll back to 1.0.0 that failed"))?;
    let observed = format!("pids {there:?}");
    trial.expect(there == *old, format!("the old workers serve on: pids {old:?}"), observed)
}

/// Waits until `pid` was reaped.
pub(crate) fn is_gone(trial: &Trial, pid: u32, expected: &str) -> Kept {
    let is_gone = || processes::process(pid).is_none().then_some(());
    let observed = format!("pid {pid} is still there");
    trial.expect(processes::until(patience(PROMPT), is_gone).is_some(), expected, observed)
}
