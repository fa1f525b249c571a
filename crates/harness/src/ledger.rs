//! The exact account of what became of every request.

use std::{collections::BTreeMap, fmt, time::Duration};

use events::numbers::thousands;
use hdrhistogram::Histogram;

use crate::wire::{Answer, Failure};

/// What became of the requests that were sent in one phase. Each is counted once.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// Requests sent: the sum of all the others but `dropped` and `retried`.
    pub sent: u64,
    /// Answered whole, by status.
    pub answered: BTreeMap<u16, u64>,
    /// Turned away. No process listened, or a listener that closed dropped the new connection: see
    /// [`crate::newcomer`].
    pub refused: u64,
    /// Of those, the connections that a closing listener dropped.
    pub dropped: u64,
    /// Reset or closed before the first byte of an answer.
    pub reset: u64,
    /// Cut off in the middle of the answer.
    pub truncated: u64,
    /// No answer in time, or none that is HTTP.
    pub timed_out: u64,
    /// Requests on a kept connection that ended without a byte of an answer, as one does that the
    /// server had just closed while it was idle. They were sent again on a fresh one, as RFC 9112
    /// (section 9.3.1) allows. Not an outcome of its own: the second try is what is counted above.
    pub retried: u64,
    latencies: Histogram<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        let latencies = Histogram::new(3).expect("three significant digits are supported");
        Ledger {
            sent: 0,
            answered: BTreeMap::new(),
            refused: 0,
            dropped: 0,
            reset: 0,
            truncated: 0,
            timed_out: 0,
            retried: 0,
            latencies,
        }
    }
}

impl Ledger {
    /// Counts one request and its end.
    pub fn count(&mut self, took: Duration, outcome: &Result<Answer, Failure>) {
        self.sent += 1;
        match outcome {
            Ok(answer) => {
                *self.answered.entry(answer.status).or_default() += 1;
                let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                self.latencies.record(micros).expect("the histogram grows as needed");
            }
            Err(Failure::Refused) => self.refused += 1,
            Err(Failure::Reset | Failure::Closed) => self.reset += 1,
            Err(Failure::Truncated) => self.truncated += 1,
            Err(Failure::TimedOut(_) | Failure::Malformed(_)) => self.timed_out += 1,
        }
    }

    /// Adds what another client counted.
    pub fn add(&mut self, other: &Ledger) {
        self.sent += other.sent;
        for (status, count) in &other.answered {
            *self.answered.entry(*status).or_default() += count;
        }
        self.refused += other.refused;
        self.dropped += other.dropped;
        self.reset += other.reset;
        self.truncated += other.truncated;
        self.timed_out += other.timed_out;
        self.retried += other.retried;
        self.latencies.add(&other.latencies).expect("both histograms have the same shape");
    }

    /// Requests that got a whole answer, whatever it said.
    #[must_use]
    pub fn answered_in_all(&self) -> u64 {
        self.answered.values().sum()
    }

    /// Requests that were lost: the client can't know what became of them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.reset + self.truncated + self.timed_out
    }

    /// Whether every request has exactly one outcome.
    #[must_use]
    pub fn balances(&self) -> bool {
        self.sent == self.answered_in_all() + self.refused + self.lost()
    }

    /// The time in which this share of the answers came, such as 0.99.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_quantile(share))
    }

    /// The slowest answer.
    #[must_use]
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.latencies.max())
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = |count: u64| thousands(usize::try_from(count).unwrap_or(usize::MAX));
        write!(f, "{} sent = {} answered", n(self.sent), n(self.answered_in_all()))?;
        for (status, count) in self.answered.iter().filter(|(status, _)| **status != 200) {
            write!(f, " ({} × {status})", n(*count))?;
        }
        write!(f, " + {} refused", n(self.refused))?;
        if self.dropped > 0 {
            write!(f, " ({} by a reset)", n(self.dropped))?;
        }
        write!(f, " + {} lost", n(self.lost()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_told_to_three_digits_from_microseconds_to_minutes() {
        let mut ledger = Ledger::default();
        let answer = Ok(Answer { status: 200, ..Answer::default() });
        for took in [Duration::from_micros(250), Duration::from_millis(300), Duration::from_mins(2)]
        {
            ledger.count(took, &answer);
        }
        let is_near = |told: Duration, took: Duration| told.abs_diff(took) * 1000 <= took;
        assert!(is_near(ledger.quantile(0.3), Duration::from_micros(250)));
        assert!(is_near(ledger.quantile(0.5), Duration::from_millis(300)));
        assert!(is_near(ledger.max(), Duration::from_mins(2)));
    }

    #[test]
    fn every_request_has_exactly_one_outcome() {
        let mut ledger = Ledger::default();
        let answer = |status| Ok(Answer { status, ..Answer::default() });
        let ms = Duration::from_millis;
        for outcome in [
            answer(200),
            answer(200),
            answer(503),
            Err(Failure::Refused),
            Err(Failure::Reset),
            Err(Failure::Closed),
            Err(Failure::Truncated),
            Err(Failure::TimedOut(ms(5))),
        ] {
            ledger.count(ms(2), &outcome);
        }
        assert!(ledger.balances());
        assert_eq!((ledger.sent, ledger.answered_in_all(), ledger.lost()), (8, 3, 4));
        assert_eq!(ledger.to_string(), "8 sent = 3 answered (1 × 503) + 1 refused + 4 lost");
    }
}
