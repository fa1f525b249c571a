//! The sentence that a person reads for an event.

use crate::{Event, Level, Outcome, RollOutcome};

/// Says `event` in one short sentence, without colour.
#[must_use]
pub fn narrate(event: &Event) -> String {
    match event {
        Event::Listening { address, admin: None } => format!("listening on http://{address}"),
        Event::Listening { address, admin: Some(admin) } => {
            format!("listening on http://{address}, for operators on http://{admin}")
        }
        Event::WorkerStarted { worker, pid, version: None } => {
            format!("worker {worker} started (pid {pid})")
        }
        Event::WorkerStarted { worker, pid, version: Some(version) } => {
            format!("worker {worker} started with version {version} (pid {pid})")
        }
        Event::WorkerReady { worker, pid } => format!("worker {worker} ready (pid {pid})"),
        Event::WorkerDraining { worker, pid, in_flight } => {
            let requests = count(*in_flight, "request");
            format!("worker {worker} draining (pid {pid}), {requests} in flight")
        }
        Event::WorkerDrained { worker, pid, answered, cut: 0 } => {
            let requests = count(*answered, "request");
            format!("worker {worker} drained (pid {pid}), {requests} answered")
        }
        Event::WorkerDrained { worker, pid, answered, cut } => format!(
            "worker {worker} out of time (pid {pid}): {} answered, {} cut",
            count(*answered, "request"),
            count(*cut, "connection"),
        ),
        Event::CleanedUp { worker, resource, detail } => {
            format!("worker {worker} released its {resource}: {detail}")
        }
        Event::WorkerExited { worker, pid, exit } => {
            format!("worker {worker} exited (pid {pid}): {exit}")
        }
        Event::WorkerKilled { worker, pid, reason } => {
            format!("worker {worker} killed (pid {pid}): {reason}")
        }
        Event::RestartDelayed { worker, deaths, millis } => {
            let deaths = count(*deaths as usize, "death");
            format!("worker {worker}: {deaths} in a row, next start in {millis} ms")
        }
        Event::Alert { worker, level, text, .. } => {
            let level = match level {
                Level::Resolved => "resolved",
                Level::Warning => "warning",
                Level::Critical => "ALERT",
            };
            format!("{level}: worker {worker}: {text}")
        }
        Event::Report { ready, workers, requests, errors } => format!(
            "{ready} of {workers} workers ready, {requests} requests, {}",
            count(usize::try_from(*errors).unwrap_or(usize::MAX), "error"),
        ),
        Event::RollStarted { from, to } => format!("rolling from {from} to {to}"),
        Event::WorkerReplaced { worker, pid, version, millis } => {
            format!("worker {worker} replaced by {version} (pid {pid}) in {millis} ms")
        }
        Event::RollAbandoned { version, reason } => format!("{version} is given up: {reason}"),
        Event::RollFinished { version, outcome: RollOutcome::RolledOut, millis } => {
            format!("rolled out {version} in {millis} ms")
        }
        Event::RollFinished { version, outcome: RollOutcome::RolledBack, millis } => {
            format!("rolled back to {version} in {millis} ms")
        }
        Event::ShutdownStarted { signal, timeout_ms } => {
            format!("{signal}: draining for at most {timeout_ms} ms")
        }
        Event::ShutdownForced { reason } => format!("killing what is left: {reason}"),
        Event::ShutdownComplete { outcome, drained, cut, millis } => {
            let drained = thousands(*drained);
            match outcome {
                Outcome::Drained => format!("shutdown complete in {millis} ms: {drained} answered"),
                Outcome::Cut if *cut == 0 => {
                    format!("shutdown cut short in {millis} ms: {drained} answered, a worker lost")
                }
                Outcome::Cut => {
                    let cut = thousands(*cut);
                    format!("shutdown cut short in {millis} ms: {drained} answered, {cut} cut")
                }
                // Workers that were killed report nothing, so nobody knows what they held.
                Outcome::Forced => format!("shutdown forced after {millis} ms"),
            }
        }
    }
}

/// `1 request`, `2 requests`, `12,431 requests`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{} {noun}{}", thousands(n), if n == 1 { "" } else { "s" })
}

/// `12,431`.
#[must_use]
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        assert_eq!(count(0, "request"), "0 requests");
        assert_eq!(count(1, "request"), "1 request");
        assert_eq!(count(999, "request"), "999 requests");
        assert_eq!(count(12_431, "request"), "12,431 requests");
        assert_eq!(thousands(1_000_000), "1,000,000");
    }
}
