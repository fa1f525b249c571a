//! How long calls took.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many calls a worker remembers.
const MOST: usize = 256;

/// The times of the last calls that a worker made for its clients.
#[derive(Default)]
pub(crate) struct CallTimes(Mutex<VecDeque<u64>>);

impl CallTimes {
    pub(crate) fn add(&self, time: Duration) {
        let mut millis = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if millis.len() == MOST {
            millis.pop_front();
        }
        millis.push_back(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    }

    /// In milliseconds.
    pub(crate) fn all(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// The nearest rank: the smallest of `sorted` that at least `percent` of all don't exceed. `None` without
/// any.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50, 99].map(|percent| percentile(&hundred, percent)), [Some(50), Some(99)]);
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn only_the_last_ones_are_known() {
        let times = CallTimes::default();
        for millis in 0..1000 {
            times.add(Duration::from_millis(millis));
        }
        assert_eq!((times.all().len(), times.all()[0]), (MOST, 1000 - MOST as u64));
    }
}
