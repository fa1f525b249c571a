//! The guarantees of a guide: the sentences of promises, word for word, each with its number.

use crate::{verify::chapter::Chapter, workspace::Workspace};

/// What is wrong with the lists under "The guarantees" in the guides of `chapter`.
pub(super) fn problems(workspace: &Workspace, chapter: &Chapter) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut listed = Vec::new();
    for guide in chapter.topic.guides {
        let file = format!("guides/{guide}.md");
        for (line, item) in items(&workspace.read(&file)?) {
            let right =
                chapter.promises.iter().position(|promise| item.ends_with(&promise.sentence));
            let Some(index) = right else {
                problems.push(format!("{file}:{line} isn't a promise of the catalogue: {item}"));
                continue;
            };
            if !has_number(item, &chapter.promises[index].sentence, index + 1) {
                problems.push(format!("{file}:{line} is promise {}: number it so.", index + 1));
            }
            listed.push(index);
        }
    }
    let missing = (0..chapter.promises.len()).filter(|index| !listed.contains(index));
    problems.extend(missing.map(|index| {
        let sentence = &chapter.promises[index].sentence;
        format!("no guide lists promise {} among its guarantees: {sentence}", index + 1)
    }));
    Ok(problems)
}

/// `7. The sentence.`, or `- Promise 7: The sentence.` where the list has gaps.
fn has_number(item: &str, sentence: &str, number: usize) -> bool {
    let before = item.strip_suffix(sentence).unwrap_or_default();
    before == format!("{number}. ") || before == format!("- Promise {number}: ")
}

/// The items under the heading, with their lines.
fn items(text: &str) -> Vec<(usize, &str)> {
    let lines = (1..).zip(text.lines());
    let after = lines.skip_while(|(_, line)| *line != "## The guarantees").skip(1);
    let section = after.take_while(|(_, line)| !line.starts_with("## "));
    let is_item = |line: &str| {
        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
        line.starts_with("- ") || (digits.len() < line.len() && digits.starts_with(". "))
    };
    section.filter(|(_, line)| is_item(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_items_of_the_guarantees_are_found_and_their_numbers_compared() {
        let text =
            "# A\n1. no\n## The guarantees\n\nText.\n1. One.\n- Promise 7: Seven.\n## B\n2. no\n";
        assert_eq!(items(text), [(6, "1. One."), (7, "- Promise 7: Seven.")]);
        assert!(has_number("1. One.", "One.", 1) && has_number("- Promise 7: Seven.", "Seven.", 7));
        assert!(!has_number("2. One.", "One.", 1) && !has_number("- One.", "One.", 1));
    }
}
