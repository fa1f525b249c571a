//! What a user who mistyped a name most likely meant.

use strsim::levenshtein;

/// The candidate that the fewest typos turn into `wanted`, if they are few. A name may be cut
/// short: then it is compared with as much of the candidate. Another number isn't a typo, but a
/// digit more is.
pub(crate) fn closest(wanted: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    let length = wanted.chars().count();
    let few = (length / 3).max(1).min(length);
    let typos = |candidate: &str| {
        let beginning: String = candidate.chars().take(length + 1).collect();
        levenshtein(wanted, candidate).min(levenshtein(wanted, &beginning))
    };
    candidates
        .filter(|candidate| !is_another_number(wanted, candidate))
        .map(|candidate| (typos(&candidate), candidate))
        .filter(|(typos, _)| *typos <= few)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `exercise-9` names another exercise than `exercise-1`; `exercise-11` was typed too fast.
fn is_another_number(wanted: &str, candidate: &str) -> bool {
    let without = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let digits = |text: &str| text.replace(|c: char| !c.is_ascii_digit(), "");
    let (few, many) = (digits(candidate), digits(wanted));
    let is_repeated = !few.is_empty() && many == few.repeat(2);
    without(wanted) == without(candidate) && !is_repeated
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closest_of(wanted: &str) -> Option<String> {
        closest(wanted, ["exercise-1", "02-rolling-restart"].map(str::to_owned).into_iter())
    }

    #[test]
    fn typos_are_few_also_in_a_name_that_was_cut_short_and_a_number_is_not_a_typo() {
        assert_eq!(closest_of("exercize-1").as_deref(), Some("exercise-1"));
        assert_eq!(closest_of("02-roling").as_deref(), Some("02-rolling-restart"));
        assert_eq!(closest_of("exercise-11").as_deref(), Some("exercise-1"));
        assert_eq!(closest_of("exercise-9"), None);
        assert_eq!(closest_of("exercise-12"), None);
        assert_eq!(closest_of("teapot"), None);
    }
}
