//! The state of the home `primary`, without its way there: what one process keeps for all others.
//!
//! It is gone when that process goes. One process does one operation after the other, so each of them is
//! atomic without a lock. The moment is a parameter: nothing in here looks at a clock.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::store::{Finished, Token, Version};

/// One operation, as it travels to the primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ask {
    Add { key: String, by: i64 },
    Counter { key: String },
    Get { key: String },
    Set { key: String, value: String, lifetime: Option<Duration> },
    Delete { key: String },
    Swap { key: String, expected: Option<String>, value: String, lifetime: Option<Duration> },
    Lock { name: String, lease: Duration },
    Finish { name: String, token: Token, result: Option<String> },
    Finished { name: String },
    Change { key: String, value: String },
    Current { key: String },
}

/// Everything that is kept.
#[derive(Default)]
pub(crate) struct Memory {
    counters: HashMap<String, i64>,
    values: HashMap<String, Kept>,
    locks: HashMap<String, Lock>,
    versions: HashMap<String, Version>,
    /// How many values there were after the last look for those that are over.
    swept: usize,
}

struct Kept {
    value: String,
    until: Option<Instant>,
}

#[derive(Default)]
struct Lock {
    token: i64,
    held_until: Option<Instant>,
    finished: Option<Finished>,
}

impl Memory {
    /// Does what `ask` says at the moment `now`, and returns the answer as it travels back.
    pub(crate) fn answer(&mut self, ask: Ask, now: Instant) -> Value {
        match ask {
            Ask::Add { key, by } => json!(self.add(key, by)),
            Ask::Counter { key } => json!(self.counters.get(&key).unwrap_or(&0)),
            Ask::Get { key } => json!(self.get(&key, now)),
            Ask::Set { key, value, lifetime } => json!(self.set(key, value, lifetime, now)),
            Ask::Delete { key } => json!(self.delete(&key, now)),
            Ask::Swap { key, expected, value, lifetime } => {
                let is_expected = self.get(&key, now) == expected.as_deref();
                if is_expected {
                    self.set(key, value, lifetime, now);
                }
                json!(is_expected)
            }
            Ask::Lock { name, lease } => json!(self.lock(name, lease, now)),
            Ask::Finish { name, token, result } => json!(self.finish(&name, token, result)),
            Ask::Finished { name } => {
                json!(self.locks.get(&name).and_then(|lock| lock.finished.as_ref()))
            }
            Ask::Change { key, value } => json!(self.change(key, value)),
            Ask::Current { key } => json!(self.versions.get(&key)),
        }
    }

    fn add(&mut self, key: String, by: i64) -> i64 {
        let counter = self.counters.entry(key).or_default();
        *counter = counter.wrapping_add(by);
        *counter
    }

    fn get(&self, key: &str, now: Instant) -> Option<&str> {
        self.values.get(key).filter(|kept| kept.is_alive(now)).map(|kept| kept.value.as_str())
    }

    fn set(&mut self, key: String, value: String, lifetime: Option<Duration>, now: Instant) {
        // What is over is never read, but it would stay forever.
        if self.values.len() > 2 * self.swept + 64 {
            self.values.retain(|_, kept| kept.is_alive(now));
            self.swept = self.values.len();
        }
        let until = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        self.values.insert(key, Kept { value, until });
    }

    fn delete(&mut self, key: &str, now: Instant) -> bool {
        self.values.remove(key).is_some_and(|kept| kept.is_alive(now))
    }

    fn lock(&mut self, name: String, lease: Duration, now: Instant) -> Option<Token> {
        // The entry stays when the lock is free: its token must never begin at 1 again.
        let lock = self.locks.entry(name).or_default();
        if lock.held_until.is_some_and(|until| now < until) {
            return None;
        }
        lock.token += 1;
        lock.held_until = now.checked_add(lease);
        Some(Token(lock.token))
    }

    fn finish(&mut self, name: &str, token: Token, result: Option<String>) -> bool {
        let Some(lock) = self.locks.get_mut(name).filter(|lock| lock.token == token.0) else {
            return false;
        };
        lock.held_until = None;
        if let Some(result) = result {
            lock.finished = Some(Finished { token, result });
        }
        true
    }

    fn change(&mut self, key: String, value: String) -> i64 {
        let number = self.versions.get(&key).map_or(1, |version| version.number + 1);
        self.versions.insert(key, Version { number, value });
        number
    }
}

impl Kept {
    fn is_alive(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn set(key: &str, lifetime: Option<Duration>) -> Ask {
        Ask::Set { key: key.to_owned(), value: "v".to_owned(), lifetime }
    }

    #[test]
    fn a_lease_ends_at_its_moment_and_not_before() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let lock = || Ask::Lock { name: "job".to_owned(), lease: SECOND };
        assert_eq!(memory.answer(lock(), now), json!(1));
        let just_before = now + SECOND.checked_sub(Duration::from_nanos(1)).expect("it is longer");
        assert_eq!(memory.answer(lock(), just_before), json!(null));
        assert_eq!(memory.answer(lock(), now + SECOND), json!(2));
    }

    #[test]
    fn values_that_are_over_do_not_stay() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..10_000 {
            memory.answer(set(&n.to_string(), Some(SECOND)), now + SECOND * n);
        }
        assert!(memory.values.len() < 200, "{}", memory.values.len());
    }

    #[test]
    fn a_sweep_takes_no_value_that_is_alive() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for n in 0..1000 {
            memory.answer(set(&n.to_string(), None), now);
        }
        let get = |n: i32| Ask::Get { key: n.to_string() };
        assert!((0..1000).all(|n| memory.answer(get(n), now + SECOND) == json!("v")));
    }
}
