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
/// How long something may take that nothing holds up.
pub(crate) const PROMPT: Duration = Duration::from_secs(15);

/// Asks the primary for the next version.
pub(crate) fn ask_for_the_next(cluster: &Cluster) {
    cluster.signal(Signal::SIGUSR2);
}

/// A kept-alive connection to each of the four workers.
pub(crate) fn meet_all(trial: &Trial, cluster: &Cluster) -> Kept<BTreeMap<u32, (Who, Connection)>> {
    who::meet_all(trial, cluster, "/", WORKERS)
}

/// A request in flight at each of the four workers, which takes `millis`.
pub(crate) fn hold_all(trial: &Trial, cluster: &Cluster, millis: u32) -> Kept<Vec<(Who, Pending)>> {
    let path = format!("/slow?ms={millis}");
    let met = meet_all(trial, cluster)?.into_values();
    met.map(|(who, kept)| Ok((who, cluster.get_on(kept, &path).in_flight()?))).collect()
}

/// Waits until there are four workers, none of them among `before`, and each answers with `version`;
/// returns their process numbers.
pub(crate) fn settled(
    trial: &Trial,
    cluster: &Cluster,
    version: &str,
    before: &BTreeSet<u32>,
) -> Kept<BTreeSet<u32>> {
    let expected = format!("four workers, and each answers with version {version}");
    agreed(trial, cluster, &expected, |said, there| said == version && there.is_disjoint(before))
}

/// Waits until there are four workers, and all answer with the same version, whichever it is.
pub(crate) fn made_good(trial: &Trial, cluster: &Cluster) -> Kept<BTreeSet<u32>> {
    agreed(trial, cluster, "four ready workers of one version at the end", |_, _| true)
}

/// Waits until there are four workers which all answer with the same version, and `is_it`.
fn agreed(
    trial: &Trial,
    cluster: &Cluster,
    expected: &str,
    is_it: impl Fn(&str, &BTreeSet<u32>) -> bool,
) -> Kept<BTreeSet<u32>> {
    let limit = patience(Duration::from_secs(15));
    let mut poll = Poll::default();
    let version = processes::until(limit, || {
        let version = poll.ask(cluster, "/", WORKERS);
        let version = version.filter(|version| is_it(version, &poll.there));
        version.or_else(|| (!cluster.is_running()).then(String::new))
    });
    if !cluster.is_running() {
        return Err(trial.broken(expected, "the primary has ended"));
    }
    let Poll { there, said } = poll;
    let Some(version) = version else {
        let said: Vec<_> =
            said.iter().map(|(pid, version)| format!("{pid} says {version}")).collect();
        let (seconds, alive, said) = (limit.as_secs(), there.len(), said.join(", "));
        let observed = format!("after {seconds} s, {alive} workers: {said}");
        return Err(trial.broken(expected, observed));
    };
    let pids: Vec<_> = there.iter().map(u32::to_string).collect();
    trial.recorder.observe(format!("four workers answer with {version}: pids {}", pids.join(", ")));
    Ok(there)
}

/// Waits until one more process is there than `before`, and returns it.
pub(crate) fn newcomer(trial: &Trial, cluster: &Cluster, before: &BTreeSet<u32>) -> Kept<u32> {
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

/// Waits until somebody answers with `version`, and returns who, with the connection.
pub(crate) fn first_answer(
    trial: &Trial,
    cluster: &Cluster,
    version: &str,
) -> Kept<(Who, Connection)> {
    let limit = patience(PROMPT);
    let ask = || greet(cluster, "/", limit).into_iter().find(|(who, _)| who.version == version);
    let Some((who, connection)) = processes::until(limit, ask) else {
        let observed = format!("no such answer within {} s", limit.as_secs());
        return Err(trial.broken(format!("an answer with version {version}"), observed));
    };
    trial.recorder.observe(format!("GET /: {version} answers (pid {})", who.pid));
    Ok((who, connection))
}
