//! Where a text names a promise by a number.

/// What `steps` checks by running the program.
pub(in crate::verify) const KEPT: &str = "Kept after this step: ";
const ORDINALS: [&str; 11] = [
    "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth",
];

/// One promise, named by its number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mention<'a> {
    /// Where it begins.
    pub(super) at: usize,
    /// The words that name it, such as `promise 7`.
    pub(super) said: &'a str,
    /// Its number; `None` for an ordinal.
    pub(super) number: Option<usize>,
    /// The exercise, if the text names it.
    pub(super) exercise: Option<u8>,
    /// The words of the promise that stand behind it.
    pub(super) words: Option<&'a str>,
    /// Whatever stands behind it.
    pub(super) rest: &'a str,
}

/// All mentions in `text`, which is one line.
pub(super) fn of(text: &str) -> Vec<Mention<'_>> {
    let places = text.match_indices("romise").map(|(at, _)| at.saturating_sub(1));
    let mut mentions: Vec<Mention> = places.filter_map(|at| numbered(text, at)).collect();
    mentions.extend(ORDINALS.iter().flat_map(|ordinal| ordinals(text, ordinal)));
    mentions.sort_by_key(|mention| mention.at);
    mentions
}

fn numbered(text: &str, at: usize) -> Option<Mention<'_>> {
    let name = text.get(at..)?;
    let rest = name.strip_prefix('p').or_else(|| name.strip_prefix('P'))?;
    let rest = rest.strip_prefix("romises ").or_else(|| rest.strip_prefix("romise "))?;
    let (number, rest) = leading_number(rest)?;
    if text[..at].ends_with(KEPT) {
        return None;
    }
    let said = &name[..name.len() - rest.len()];
    let elsewhere = rest.strip_prefix(" of exercise ").and_then(leading_number);
    let (exercise, rest) =
        elsewhere.map_or((None, rest), |(exercise, rest)| (u8::try_from(exercise).ok(), rest));
    Some(Mention { at, said, number: Some(number), exercise, words: words(rest), rest })
}

fn leading_number(text: &str) -> Option<(usize, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// What stands in quotation marks right behind a number: ` ("…")` or `, "…"` or `: "…"`.
fn words(rest: &str) -> Option<&str> {
    let rest = [" (\"", ", \"", ": \""].iter().find_map(|opening| rest.strip_prefix(opening))?;
    rest.split_once('"').map(|(words, _)| words)
}

fn ordinals<'a>(text: &'a str, ordinal: &str) -> Vec<Mention<'a>> {
    let phrase = format!("{ordinal} promise");
    let is_word = |at: usize| !text[..at].ends_with(char::is_alphanumeric);
    let is_one = |at: usize| !text[at + phrase.len()..].starts_with(char::is_alphanumeric);
    let found = text.match_indices(&phrase).filter(|(at, _)| is_word(*at) && is_one(*at));
    found
        .map(|(at, said)| Mention { at, said, number: None, exercise: None, words: None, rest: "" })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mention_has_its_number_its_exercise_and_its_words() {
        let text = r#"As promise 7 ("is cut") and Promise 3 of exercise 2, "is lost", say."#;
        let mentions = of(text);
        let parts: Vec<_> =
            mentions.iter().map(|m| (m.said, m.number, m.exercise, m.words)).collect();
        assert_eq!(
            parts,
            [
                ("promise 7", Some(7), None, Some("is cut")),
                ("Promise 3", Some(3), Some(2), Some("is lost")),
            ]
        );
        assert_eq!(of("promises 9 and 10")[0].said, "promises 9");
    }

    #[test]
    fn an_ordinal_is_a_number_and_what_steps_checks_is_none() {
        assert_eq!(of("gets past the second promise.")[0].said, "second promise");
        for fine in [
            "Kept after this step: promises 1 to 3, 11.",
            "the first promise",
            "each promise has 3 hints",
            "the seconds promised",
        ] {
            assert_eq!(of(fine), [], "{fine}");
        }
    }
}
