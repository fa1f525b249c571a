//! Does the candidate have more errors than its share of them?
//!
//! A version that answers a tenth of the requests should have a tenth of the errors. The score is the
//! logarithm of how much better "`WORSE` times as many" explains what was seen than "no more". If the candidate
//! is no worse, the mean of that factor never exceeds 1, so it ever reaches `DOUBT` in at most one step of
//! `DOUBT`, however often one looks (Ville's inequality). A fault of both versions hits both sides and cancels
//! out. No error says nothing.

use zero_downtime_deploy::{Answer, Score};

/// The score after one more `answer`.
pub(crate) fn after(score: Score, answer: &Answer, worse: f64) -> Score {
    let mut next = Score {
        answers: score.answers + 1,
        by_candidate: score.by_candidate + u32::from(answer.by_candidate),
        ..score
    };
    if answer.is_bad {
        let share = f64::from(next.by_candidate) / f64::from(next.answers);
        next.value -= (1.0 + share * (worse - 1.0)).ln();
    }
    if answer.is_bad && answer.by_candidate {
        next.errors += 1;
        next.value += worse.ln();
    }
    next
}

/// Whether the candidate is worse, beyond this doubt.
pub(crate) fn is_guilty(score: Score, doubt: f64) -> bool {
    score.value >= doubt.ln()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zero_downtime_deploy::Look;

    use super::*;

    const WORSE: f64 = 4.0;
    const DOUBT: f64 = 100.0;

    fn answer(by_candidate: bool, is_bad: bool) -> Answer {
        Answer::new(by_candidate, is_bad, Duration::ZERO)
    }

    /// Numbers that look random, the same in each run (Knuth's MMIX generator).
    struct Dice(u64);

    impl Dice {
        /// Whether what happens in `percent` of all cases happens now.
        fn falls(&mut self, percent: f64) -> bool {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let uniform = f64::from((self.0 >> 40) as u32) / f64::from(1 << 24);
            uniform * 100.0 < percent
        }
    }

    /// One step: how many answers the candidate gave until it was found guilty, if it was.
    fn found(dice: &mut Dice, share: f64, old: f64, new: f64, answers: u32) -> Option<u32> {
        let mut score = Score::default();
        while score.by_candidate < answers {
            let by_candidate = dice.falls(share);
            let is_bad = dice.falls(if by_candidate { new } else { old });
            score = after(score, &answer(by_candidate, is_bad), WORSE);
            if is_guilty(score, DOUBT) {
                return Some(score.by_candidate);
            }
        }
        None
    }

    #[test]
    fn at_a_quarter_of_the_requests_the_sixth_error_of_the_candidate_alone_is_the_verdict() {
        let mut score = Score::default();
        let mut by_candidate = 0;
        for number in 1.. {
            let is_candidate = number % 4 == 0;
            by_candidate += u32::from(is_candidate);
            let is_bad = is_candidate && by_candidate % 10 == 0;
            score = after(score, &answer(is_candidate, is_bad), WORSE);
            if is_guilty(score, DOUBT) {
                break;
            }
        }
        assert_eq!((score.by_candidate, score.errors), (60, 6));
    }

    #[test]
    fn good_versions_are_sent_back_in_less_than_one_step_of_a_hundred_however_often_one_looks() {
        const STEPS: u32 = 2000;
        let mut dice = Dice(1);
        for errors in [0.1, 1.0, 5.0] {
            for share in [5.0, 25.0, 50.0] {
                let wrong = (0..STEPS)
                    .filter(|_| found(&mut dice, share, errors, errors, 200).is_some())
                    .count();
                assert!(wrong < STEPS as usize / 100, "{wrong} of {STEPS}: {share} %, {errors} %");
            }
        }
    }

    #[test]
    fn a_version_that_fails_each_tenth_request_is_found_nearly_always() {
        let mut dice = Dice(2);
        let found = (0..1000).filter(|_| found(&mut dice, 25.0, 1.0, 10.0, 200).is_some()).count();
        assert!(found > 980, "{found} of 1000");
    }

    #[test]
    fn an_outage_of_both_says_nothing_and_a_client_counts_once() {
        let mut score = Score::default();
        for number in 1..=4000 {
            score = after(score, &answer(number % 4 == 0, number % 3 == 0), WORSE);
            assert!(!is_guilty(score, DOUBT), "after {number} answers");
        }
        let mut look = Look::default();
        let mut stuck = answer(true, true);
        stuck.client = Some("stuck".to_owned());
        assert_eq!((0..9).filter(|_| look.add(&stuck)).count(), 1);
    }
}
