//! What was counted of requests and CPU time.

use std::{iter::Sum, ops::Add, time::Duration};

use serde::Serialize;

/// What was counted until now, by one worker or by many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Requests answered.
    pub requests: u64,
    /// Answers among them with a status of 500 or above.
    pub errors: u64,
    /// CPU time.
    #[serde(skip)]
    pub cpu: Duration,
}

impl Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            requests: self.requests.saturating_add(other.requests),
            errors: self.errors.saturating_add(other.errors),
            cpu: self.cpu.saturating_add(other.cpu),
        }
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Counts::add)
    }
}
