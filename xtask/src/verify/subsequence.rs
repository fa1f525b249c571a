//! The stub is the solution minus lines.
//!
//! So what a learner begins with can't drift away from where they arrive: types, signatures, docs
//! and `main` are the same by this rule, without being written by one hand.

/// The first line of `stub`, with its number, that does not appear in `solution` in this order.
///
/// Blank lines, `use` items and what is left to do (`todo!`, `TODO`) do not count.
pub(super) fn first_drift<'a>(stub: &'a str, solution: &str) -> Option<(usize, &'a str)> {
    let mut rest = solution.lines().map(str::trim);
    lines_that_count(stub).find(|(_, line)| !rest.any(|other| other == line.trim()))
}

fn lines_that_count(stub: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut skipping_until = None;
    stub.lines().enumerate().filter_map(move |(index, line)| {
        let trimmed = line.trim();
        if let Some(end) = skipping_until {
            skipping_until = Some(end).filter(|end: &&str| !trimmed.ends_with(*end));
            return None;
        }
        if trimmed.starts_with("use ") && !trimmed.ends_with(';') {
            skipping_until = Some(";");
        } else if trimmed.contains("todo!(") && !trimmed.contains(')') {
            skipping_until = Some(")");
        }
        let counts = !(trimmed.is_empty()
            || trimmed.starts_with("use ")
            || trimmed.contains("todo!(")
            || trimmed.contains("TODO"));
        counts.then_some((index + 1, line))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOLUTION: &str =
        "use a::{b, c};\n\n/// Drains.\nfn drain() {\n    let n = 1;\n    wait(n)\n}\n";

    #[test]
    fn a_stub_may_lack_lines_and_have_things_to_do() {
        for stub in [
            "/// Drains.\nfn drain() {\n    todo!(\"wait\")\n}\n",
            "use a::{\n    b,\n};\n// TODO: wait\nfn drain() {\n    todo!(\n        \"a long text\",\n    )\n}\n",
            SOLUTION,
        ] {
            assert_eq!(first_drift(stub, SOLUTION), None, "{stub}");
        }
    }

    #[test]
    fn a_word_that_drifted_is_found_with_its_line() {
        let stub = "\n/// Drains everything.\nfn drain() {\n}\n";
        assert_eq!(first_drift(stub, SOLUTION), Some((2, "/// Drains everything.")));
        let swapped = "fn drain() {\n/// Drains.\n}\n";
        assert_eq!(first_drift(swapped, SOLUTION), Some((2, "/// Drains.")));
    }
}
