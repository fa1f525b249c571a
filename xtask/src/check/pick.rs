//! Which promise `--only` means.

use events::contract::Promise;

use crate::exit::Failure;

/// The promise that `part` means: its number, its id, or a part of its id or sentence.
pub(super) fn pick(promises: &[Promise], part: &str) -> Result<usize, Failure> {
    let usage = |sentence: String| Err(Failure::Usage(sentence));
    if let Ok(number) = part.parse::<usize>() {
        return match number.checked_sub(1).filter(|index| *index < promises.len()) {
            Some(index) => Ok(index),
            None => usage(format!("The promises are numbered 1 to {}.", promises.len())),
        };
    }
    let part = part.to_lowercase();
    if let Some(index) = promises.iter().position(|promise| promise.id == part) {
        return Ok(index);
    }
    let is_meant = |promise: &Promise| {
        promise.id.contains(&part) || promise.sentence.to_lowercase().contains(&part)
    };
    let meant: Vec<usize> = (0..promises.len()).filter(|i| is_meant(&promises[*i])).collect();
    let numbers = |meant: &[usize]| {
        let numbers: Vec<String> = meant.iter().map(|index| (index + 1).to_string()).collect();
        numbers.join(", ")
    };
    match &meant[..] {
        [index] => Ok(*index),
        [] => usage(format!("No promise has `{part}` in it; give its number.")),
        several => usage(format!(
            "`{part}` could mean the promises {}; give the number of one.",
            numbers(several)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_picked_by_number_id_or_an_unambiguous_part() {
        let promise = |id: &str, sentence: &str| Promise {
            id: id.into(),
            sentence: sentence.into(),
            extra: false,
            guide: String::new(),
        };
        let promises = [
            promise("both_workers_answer", "Both workers answer."),
            promise("a_second_signal_ends_it", "A second signal ends it at once."),
        ];
        for (part, index) in [("1", 0), ("a_second_signal_ends_it", 1), ("AT ONCE", 1)] {
            assert_eq!(pick(&promises, part).unwrap(), index, "{part}");
        }
        for part in ["0", "3", "teapot", "s"] {
            assert!(matches!(pick(&promises, part), Err(Failure::Usage(_))), "{part}");
        }
    }
}
