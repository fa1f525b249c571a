//! What several promises share: requests, connections, and how the check sees a drain.

use std::{collections::BTreeMap, time::Duration};

use harness::{
    Cluster, Kept, Trial,
    exchange::Pending,
    newcomer::Closing,
    patience,
    recorder::Moment,
    who::{self, Who},
    wire::Connection,
};
pub(crate) use harness::{newcomer::NewConnection, who::whole};

/// A request that outlives every deadline of a check.
pub(crate) const ENDLESS: &str = "/slow?ms=120000";
/// A drain timeout that no check waits for.
pub(crate) const NO_HURRY: (&str, &str) = ("DRAIN_TIMEOUT_MS", "120000");
/// How long the exit may take when nothing holds it.
pub(crate) const PROMPT: Duration = Duration::from_secs(10);

/// When and how a request was cut off.
pub(crate) fn cut_off(trial: &Trial, pending: Pending) -> Kept<(String, Moment)> {
    match pending.outcome()? {
        Err((failure, moment)) => Ok((failure.to_string(), moment)),
        // An answer without a length ends with its connection, so a cut looks like an end.
        Ok(reply) if serde_json::from_str::<Who>(&reply.answer.body).is_err() => {
            Ok(("cut off in the middle of the answer".to_owned(), reply.moment))
        }
        Ok(reply) => {
            Err(trial.broken("a request that is cut off", "it was answered").at(reply.moment))
        }
    }
}

/// A kept-alive connection, and the worker at its other end.
pub(crate) fn meet(trial: &Trial, cluster: &Cluster) -> Kept<(Who, Connection)> {
    who::meet(trial, cluster, "/fast")
}

/// A kept-alive connection to each of `number` workers, by process.
pub(crate) fn meet_all(
    trial: &Trial,
    cluster: &Cluster,
    number: usize,
) -> Kept<BTreeMap<u32, Connection>> {
    let all = who::meet_all(trial, cluster, "/fast", number)?;
    Ok(all.into_iter().map(|(pid, (_, connection))| (pid, connection)).collect())
}

/// Opens a new connection, and sends a request on it.
pub(crate) fn connect_anew(cluster: &Cluster) -> NewConnection {
    let limit = patience(Duration::from_secs(6));
    let answer = Connection::open(cluster.address, limit).and_then(|mut new| new.get("/fast"));
    NewConnection::of(&answer)
}

/// Waits until new connections are turned away: the sign that the drain has begun.
pub(crate) fn wait_until_draining(trial: &Trial, cluster: &Cluster) -> Kept {
    const EXPECTED: &str = "a new connection is refused, or told 503, once the drain has begun";
    let limit = patience(Duration::from_secs(10));
    let mut last = NewConnection::Answered(0);
    let mut closing = Closing::default();
    let begun = processes::until(limit, || {
        last = connect_anew(cluster);
        closing.saw(&last);
        let hangs = matches!(last, NewConnection::Hangs(_));
        (hangs || closing.is_over()).then_some(())
    });
    let seconds = limit.as_secs_f64();
    match last {
        NewConnection::TurnedAway if begun.is_some() => {
            trial.recorder.observe("new connections are turned away: the cluster drains");
            Ok(())
        }
        NewConnection::Hangs(_) => {
            Err(trial.broken(EXPECTED, format!("a new connection is {last}")).advice(
                "Does every process close its copy of the listening socket, also the primary?",
            ))
        }
        NewConnection::TurnedAway | NewConnection::Answered(_) | NewConnection::Dropped => {
            Err(trial
                .broken(
                    EXPECTED,
                    format!("{seconds:.0} s after the signal, a new connection is {last}"),
                )
                .advice("Does `drain` stop each worker from accepting? Refused or 503 is right."))
        }
    }
}
