//! Is the candidate slower than the version beside it?
//!
//! A mean is moved by one bad moment, and a median of good answers alone calls a version fast that fails at
//! once. So each look compares medians of the same time, and a bad answer is slower than each good one. One slow
//! look is chance; several in a row are not.

use std::time::Duration;

use zero_downtime_deploy::{Answer, Look};

/// Whether the candidate's median is more than `slower_by` above the stable version's.
pub(crate) fn is_slow(look: &Look, slower_by: Duration) -> bool {
    match (median(look.candidate.iter()), median(look.stable.iter())) {
        (Some(candidate), Some(stable)) => candidate > stable.saturating_add(slower_by),
        // With a share of 100 there is no version beside it.
        (None, _) | (_, None) => false,
    }
}

fn median<'a>(answers: impl Iterator<Item = &'a Answer>) -> Option<Duration> {
    let mut times: Vec<Duration> = answers.map(time).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

fn time(answer: &Answer) -> Duration {
    if answer.is_bad { Duration::MAX } else { answer.took }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BY: Duration = Duration::from_millis(50);

    fn look(candidate: &[(u64, bool)], stable: &[(u64, bool)]) -> Look {
        let mut look = Look::default();
        for (by_candidate, answers) in [(true, candidate), (false, stable)] {
            for (ms, is_bad) in answers {
                let _ = look.add(&Answer::new(by_candidate, *is_bad, Duration::from_millis(*ms)));
            }
        }
        look
    }

    #[test]
    fn the_median_decides_and_one_stall_does_not() {
        let stable = [(10, false); 5];
        assert!(is_slow(&look(&[(61, false); 5], &stable), BY));
        assert!(!is_slow(&look(&[(60, false); 5], &stable), BY));
        assert!(!is_slow(&look(&[(5000, false), (10, false), (10, false)], &stable), BY));
    }

    #[test]
    fn fast_errors_are_not_fast_and_without_a_comparison_nothing_is_slow() {
        assert!(is_slow(&look(&[(0, true), (0, true), (10, false)], &[(10, false)]), BY));
        assert!(!is_slow(&look(&[(0, true), (0, true)], &[(0, true), (0, true)]), BY));
        assert!(!is_slow(&look(&[(900, false)], &[]), BY));
    }
}
