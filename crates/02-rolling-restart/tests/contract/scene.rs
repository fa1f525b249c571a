//! What several promises need to set their scene.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::{
    Cluster, Kept, Signal, Trial,
    exchange::Pending,
    patience,
    who::{self, Poll, Who, children, greet},
    wire::Connection,
};

/// How many workers a cluster has here.
pub(crate) const WORKERS: usize = 4;
/// Timeouts that no check waits for.
pub(crate) const NO_HURRY: [(&str, &str); 2] =
    [("DRAIN_TIMEOUT_MS", "120000"), ("READY_TIMEOUT_MS", "120000")];
/// A new worker is available as soon as it is ready, so the old one in its slot drains right away.
pub(crate) const AT_ONCE: (&str, &str) = ("MIN_READY_MS", "0");
/// How long something may take that has nothing to wait for.
pub(crate) const PROMPT: Duration = Duration::from_secs(15);

/// The workers that were met, by process, each with a connection.
pub(crate) type Met = BTreeMap<u32, (Who, Connection)>;

/// Tells the primary to roll to the next version.
pub(crate) fn ask_for_the_next(cluster: &Cluster) {
    cluster.signal(Signal::SIGUSR2);
}

/// Waits until the primary has read the signals that were sent to it: then it sleeps again. Two unread
/// signals could be one, or be read in the other order.
pub(crate) fn signals_are_heard(cluster: &Cluster) {
    let has_heard = || processes::is_asleep(cluster.pid).then_some(());
    processes::until(patience(PROMPT), has_heard);
    let _ = greet(cluster, "/");
}

/// The worker in `slot`, out of those that were met.
pub(crate) fn in_slot(met: &Met, slot: u32) -> u32 {
    met.values().find(|(who, _)| who.worker == slot).map_or(0, |(who, _)| who.pid)
}

/// A kept-alive connection to each of the four workers.
pub(crate) fn meet_all(trial: &Trial, cluster: &Cluster) -> Kept<Met> {
    who::meet_all(trial, cluster, "/", WORKERS)
}

/// A request that takes `millis`, and longer on a slow machine, like the limits of the checks.
pub(crate) fn slow(millis: u64) -> String {
    format!("/slow?ms={}", patience(Duration::from_millis(millis)).as_millis())
}

/// A request in flight at each of the four workers, as [`slow`] makes it.
pub(crate) fn hold_all(trial: &Trial, cluster: &Cluster, millis: u64) -> Kept<Vec<(Who, Pending)>> {
    let path = slow(millis);
    let met = meet_all(trial, cluster)?.into_values();
    met.map(|(who, kept)| Ok((who, cluster.get_on(kept, &path).in_flight()?))).collect()
}

/// Waits until the cluster has four workers that aren't in `before`, all of version `version`.
/// Returns their process numbers.
pub(crate) fn settled(
    trial: &Trial,
    cluster: &Cluster,
    version: &str,
    before: &BTreeSet<u32>,
) -> Kept<BTreeSet<u32>> {
    let expected = format!("four workers, and each answers with version {version}");
    let is_it = |said: &str, there: &BTreeSet<u32>| said == version && there.is_disjoint(before);
    agreed(trial, cluster, &expected, before, is_it)
}

/// Waits until there are four workers, and all answer with the same version, whichever it is.
pub(crate) fn settled_on_one_version(trial: &Trial, cluster: &Cluster) -> Kept<BTreeSet<u32>> {
    let expected = "four ready workers of one version at the end";
    agreed(trial, cluster, expected, &BTreeSet::new(), |_, _| true)
}

/// Waits until there are four workers which all answer with the same version, and `is_it`.
fn agreed(
    trial: &Trial,
    cluster: &Cluster,
    expected: &str,
    before: &BTreeSet<u32>,
    is_it: impl Fn(&str, &BTreeSet<u32>) -> bool,
) -> Kept<BTreeSet<u32>> {
    let limit = patience(Duration::from_secs(30));
    let mut poll = Poll::default();
    let version = processes::until(limit, || {
        let version = poll.ask(cluster, "/", WORKERS);
        let version = version.filter(|version| is_it(version, &poll.there));
        version.or_else(|| (!cluster.is_running()).then(String::new))
    });
    if !cluster.is_running() {
        return Err(trial.broken(expected, "the primary has ended"));
    }
    let Poll { there, heard, .. } = poll;
    let Some(version) = version else {
        let observed =
            format!("after {} s, {}", limit.as_secs(), roll_call(&there, &heard, before));
        return Err(trial.broken(expected, observed));
    };
    let pids: Vec<_> = there.iter().map(u32::to_string).collect();
    trial.recorder.observe(format!("four workers answer with {version}: pids {}", pids.join(", ")));
    Ok(there)
}

/// Which workers there are, and what each of them says: an old, silent or missing one is the cause.
fn roll_call(
    there: &BTreeSet<u32>,
    heard: &BTreeMap<u32, String>,
    before: &BTreeSet<u32>,
) -> String {
    let each = there.iter().map(|pid| {
        let old = if before.contains(pid) { " (there before)" } else { "" };
        match heard.get(pid) {
            Some(version) => format!("{pid}{old} says {version}"),
            None => format!("{pid}{old} says nothing"),
        }
    });
    let missing = (there.len() < WORKERS).then(|| format!("{} missing", WORKERS - there.len()));
    let each: Vec<_> = each.chain(missing).collect();
    format!("{}: {}", workers(there.len()), each.join(", "))
}

/// `number` workers, in words.
pub(crate) fn workers(number: usize) -> String {
    format!("{number} worker{}", if number == 1 { "" } else { "s" })
}

/// Waits until there is a worker that is not among `before`, and returns it.
pub(crate) fn new_worker(trial: &Trial, cluster: &Cluster, before: &BTreeSet<u32>) -> Kept<u32> {
    let limit = patience(PROMPT);
    let find = || {
        let new = children(cluster).difference(before).next().copied();
        new.map(Some).or_else(|| (!cluster.is_running()).then_some(None))
    };
    match processes::until(limit, find) {
        Some(Some(pid)) => {
            trial.recorder.observe(format!("a new worker is there (pid {pid})"));
            Ok(pid)
        }
        Some(None) => Err(trial.broken("a new worker", "the primary has ended")),
        None => {
            let observed = format!("no new process within {} s", limit.as_secs());
            Err(trial.broken("a new worker", observed))
        }
    }
}

/// Stops `pid` while it is starting: once it sleeps, and isn't between `fork` and `exec` any more.
pub(crate) fn stop_starting(trial: &Trial, cluster: &Cluster, pid: u32) -> Kept {
    let starts = || processes::is_asleep(pid).then_some(());
    let observed = format!("pid {pid} never waits for anything");
    let is_starting = processes::until(patience(PROMPT), starts).is_some();
    trial.expect(is_starting, "a worker that takes a while to start", observed)?;
    cluster.signal_process(pid, Signal::SIGSTOP)
}

/// Waits until a worker says that its version is `version`; returns it with the connection.
pub(crate) fn first_answer(
    trial: &Trial,
    cluster: &Cluster,
    version: &str,
) -> Kept<(Who, Connection)> {
    let limit = patience(PROMPT);
    let mut others = BTreeSet::new();
    let ask = || {
        let mut answers = greet(cluster, "/");
        others = answers.iter().map(|(who, _)| who.version.clone()).collect();
        let index = answers.iter().position(|(who, _)| who.version == version)?;
        Some(answers.swap_remove(index))
    };
    let Some((who, connection)) = processes::until(limit, ask) else {
        let others: Vec<_> = others.into_iter().collect();
        let others = if others.is_empty() { "no worker".into() } else { others.join(" and ") };
        let observed = format!("no such answer within {} s, only of {others}", limit.as_secs());
        return Err(trial.broken(format!("an answer with version {version}"), observed));
    };
    trial.recorder.observe(format!("GET /: {version} answers (pid {})", who.pid));
    Ok((who, connection))
}

/// How a worker at the other end of a kept connection shows that it drains.
pub(crate) fn is_going(kept: &mut Connection) -> Option<String> {
    match kept.get("/") {
        Ok(answer) if answer.closes => Some("says Connection: close".to_owned()),
        Ok(_) => None,
        Err(failure) => Some(format!("does not answer: {failure}")),
    }
}

/// The old worker whose slot `new` takes over.
pub(crate) fn predecessor<'a>(
    trial: &Trial,
    met: &'a mut Met,
    new: &Who,
) -> Kept<(&'a Who, &'a mut Connection)> {
    let old = met.values_mut().find(|(who, _)| who.worker == new.worker);
    old.map(|(who, kept)| (&*who, kept)).ok_or_else(|| {
        let observed = format!("it says that it is worker {}", new.worker);
        trial.broken("a new worker in a slot of an old one", observed)
    })
}

/// Waits until the old worker at the other end of `kept` drains, because the new one is ready.
pub(crate) fn it_drains(trial: &Trial, old: &Who, kept: &mut Connection) -> Kept {
    let limit = patience(PROMPT);
    let pid = old.pid;
    let how = processes::until(limit, || is_going(kept));
    let observed = format!("pid {pid} serves as before, {} s later", limit.as_secs());
    let expected = format!("the old worker {} drains, now that a new one is ready", old.worker);
    trial.expect(how.is_some(), expected, observed)?;
    trial.recorder.observe(format!("pid {pid} {}", how.unwrap_or_default()));
    Ok(())
}

/// Waits until the primary has reaped `pid`: until then it is a zombie.
pub(crate) fn is_reaped(trial: &Trial, pid: u32) -> Kept {
    let limit = patience(PROMPT);
    let is_gone = || processes::process(pid).is_none().then_some(());
    let observed = format!("pid {pid} is a zombie, {} s later", limit.as_secs());
    trial.expect(processes::until(limit, is_gone).is_some(), "a dead worker is reaped", observed)
}
