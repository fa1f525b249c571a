//! What one request got, as the worker that passed it on saw it; and a look, which is some of these.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// How many answers of the stable version one look remembers: the last ones.
const STABLE: usize = 1000;
/// How many clients with a bad answer one look remembers.
const CLIENTS: usize = 1000;

/// What one request got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the candidate gave it, or should have.
    pub by_candidate: bool,
    /// A status of 500 or above, an answer that was cut, or none.
    pub is_bad: bool,
    /// From the choice of the version to the last byte.
    pub took: Duration,
    /// The client's name for itself.
    pub client: Option<String>,
    /// The step of the split that the worker had when it chose.
    pub(crate) step: u64,
}

impl Answer {
    /// An answer to a client without a name.
    #[must_use]
    pub fn new(by_candidate: bool, is_bad: bool, took: Duration) -> Self {
        Answer { by_candidate, is_bad, took, client: None, step: 0 }
    }
}

/// The answers of one look: what both versions gave in the same time.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The candidate's answers.
    pub candidate: Vec<Answer>,
    /// The stable version's.
    pub stable: VecDeque<Answer>,
    /// The clients that have had a bad answer in this look.
    unlucky: BTreeSet<String>,
}

impl Look {
    /// Takes `answer` into this look. Returns `false` if it counts as nothing: a further bad answer to the
    /// same client. One client that asks again and again is one piece of evidence.
    #[must_use]
    pub fn add(&mut self, answer: &Answer) -> bool {
        if let Some(client) = answer.client.as_ref().filter(|_| answer.is_bad) {
            if self.unlucky.contains(client) {
                return false;
            }
            if self.unlucky.len() < CLIENTS {
                self.unlucky.insert(client.clone());
            }
        }
        if answer.by_candidate {
            self.candidate.push(answer.clone());
        } else {
            self.stable.push_back(answer.clone());
            self.stable.drain(..self.stable.len().saturating_sub(STABLE));
        }
        true
    }

    /// Whether it has this many answers of the candidate.
    #[must_use]
    pub fn is_full(&self, answers: usize) -> bool {
        self.candidate.len() >= answers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(client: Option<&str>, is_bad: bool) -> Answer {
        let client = client.map(str::to_owned);
        Answer { by_candidate: true, is_bad, took: Duration::ZERO, client, step: 1 }
    }

    #[test]
    fn a_second_bad_answer_to_the_same_client_counts_as_nothing() {
        let mut look = Look::default();
        let taken: Vec<bool> =
            [(Some("a"), true), (Some("a"), true), (Some("a"), false), (None, true), (None, true)]
                .into_iter()
                .map(|(client, is_bad)| look.add(&answer(client, is_bad)))
                .collect();
        assert_eq!(taken, [true, false, true, true, true]);
        assert!(look.is_full(4) && !look.is_full(5));
    }
}
