//! What several promises share: requests, connections, and how the check sees a drain.

use std::{collections::BTreeMap, fmt, time::Duration};

pub(crate) use harness::who::whole;
use harness::{
    Cluster, Kept, Trial,
    exchange::Pending,
    patience,
    recorder::Moment,
    who::{self, Who},
    wire::{Connection, Failure},
};

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

/// What happened to one new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NewConnection {
    /// It got an answer, with this status.
    Answered(u16),
    /// It was turned away: refused, or told 503.
    TurnedAway,
    /// It was accepted, and closed without an answer. A listener that closes does that, for a
    /// moment, to the connections in its queue.
    Dropped,
    /// It was left hanging.
    Hangs(Failure),
}

/// Opens a new connection, and sends a request on it.
pub(crate) fn connect_anew(cluster: &Cluster) -> NewConnection {
    let limit = patience(Duration::from_secs(6));
    let answer = Connection::open(cluster.address, limit).and_then(|mut new| new.get("/fast"));
    match answer {
        Ok(answer) if answer.status == 503 => NewConnection::TurnedAway,
        Ok(answer) => NewConnection::Answered(answer.status),
        Err(Failure::Refused) => NewConnection::TurnedAway,
        Err(Failure::Reset | Failure::Closed) => NewConnection::Dropped,
        Err(failure @ (Failure::TimedOut(_) | Failure::Truncated | Failure::Malformed(_))) => {
            NewConnection::Hangs(failure)
        }
    }
}

/// How many consecutive new connections must be turned away until the drain counts as begun: the
/// primary tells the workers one after the other.
const IN_A_ROW: usize = 8;

/// Waits until new connections are turned away: the sign that the drain has begun.
pub(crate) fn wait_until_draining(trial: &Trial, cluster: &Cluster) -> Kept {
    const EXPECTED: &str = "a new connection is refused, or told 503, once the drain has begun";
    let limit = patience(Duration::from_secs(10));
    let mut last = NewConnection::Answered(0);
    let mut in_a_row = 0;
    let begun = processes::until(limit, || {
        last = connect_anew(cluster);
        in_a_row = if last == NewConnection::TurnedAway { in_a_row + 1 } else { 0 };
        let hangs = matches!(last, NewConnection::Hangs(_));
        (hangs || in_a_row == IN_A_ROW).then_some(())
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

impl fmt::Display for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NewConnection::Answered(status) => write!(f, "answered with {status}"),
            NewConnection::TurnedAway => f.write_str("turned away"),
            NewConnection::Dropped => f.write_str("accepted, and dropped without an answer"),
            NewConnection::Hangs(failure) => write!(f, "left hanging: {failure}"),
        }
    }
}
