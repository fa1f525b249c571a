//! What several promises need to set their scene.

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
        // Without a length its end is the end of the connection, and looks like an answer.
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

/// What became of one new connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Newcomer {
    /// It got an answer, with this status.
    Answered(u16),
    /// It was turned away: refused, or told 503.
    TurnedAway,
    /// It was accepted, and closed without an answer: a listener that closes does that to what
    /// waits in its queue, for a moment.
    Dropped,
    /// It was left hanging.
    Hangs(Failure),
}

/// Knocks with a new connection.
pub(crate) fn knock(cluster: &Cluster) -> Newcomer {
    let limit = patience(Duration::from_secs(6));
    let answer = Connection::open(cluster.address, limit).and_then(|mut new| new.get("/fast"));
    match answer {
        Ok(answer) if answer.status == 503 => Newcomer::TurnedAway,
        Ok(answer) => Newcomer::Answered(answer.status),
        Err(Failure::Refused) => Newcomer::TurnedAway,
        Err(Failure::Reset | Failure::Closed) => Newcomer::Dropped,
        Err(failure @ (Failure::TimedOut(_) | Failure::Truncated | Failure::Malformed(_))) => {
            Newcomer::Hangs(failure)
        }
    }
}

/// New connections that are turned away in a row until the drain counts as begun: not every worker
/// is told in the same instant.
const IN_A_ROW: usize = 8;

/// Waits until new connections are turned away: the sign that the drain has begun.
pub(crate) fn wait_until_draining(trial: &Trial, cluster: &Cluster) -> Kept {
    const EXPECTED: &str = "a new connection is refused, or told 503, once the drain has begun";
    let limit = patience(Duration::from_secs(10));
    let mut last = Newcomer::Answered(0);
    let mut in_a_row = 0;
    let begun = processes::until(limit, || {
        last = knock(cluster);
        in_a_row = if last == Newcomer::TurnedAway { in_a_row + 1 } else { 0 };
        let hangs = matches!(last, Newcomer::Hangs(_));
        (hangs || in_a_row == IN_A_ROW).then_some(())
    });
    let seconds = limit.as_secs_f64();
    match last {
        Newcomer::TurnedAway if begun.is_some() => {
            trial.recorder.observe("new connections are turned away: it drains");
            Ok(())
        }
        Newcomer::Hangs(_) => Err(trial
            .broken(EXPECTED, format!("a new connection is {last}"))
            .advice("Somebody still holds the listening socket, and nobody accepts from it.")),
        Newcomer::TurnedAway | Newcomer::Answered(_) | Newcomer::Dropped => Err(trial
            .broken(
                EXPECTED,
                format!("{seconds:.0} s after the signal, a new connection is {last}"),
            )
            .advice("Refused or 503, from every process: who still accepts, and what for?")),
    }
}

impl fmt::Display for Newcomer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Newcomer::Answered(status) => write!(f, "answered with {status}"),
            Newcomer::TurnedAway => f.write_str("turned away"),
            Newcomer::Dropped => f.write_str("accepted, and dropped without an answer"),
            Newcomer::Hangs(failure) => write!(f, "left hanging: {failure}"),
        }
    }
}
