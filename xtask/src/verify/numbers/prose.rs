//! A file as running text: one line, without comment marks, that knows where each word came from.

/// The text, and where in it each line begins.
pub(super) struct Prose {
    pub(super) text: String,
    /// The place in `text` and the number of each line.
    lines: Vec<(usize, usize)>,
}

impl Prose {
    /// All lines of `text`.
    pub(super) fn of(text: &str) -> Self {
        Self::join((1..).zip(text.lines()).map(|(number, line)| (number, unmarked(line))))
    }

    /// Only the comments of a Rust file.
    pub(super) fn of_comments(text: &str) -> Self {
        let comments = (1..).zip(text.lines()).filter(|(_, line)| line.trim().starts_with("//"));
        Self::join(comments.map(|(number, line)| (number, unmarked(line))))
    }

    fn join<'a>(parts: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let mut prose = Prose { text: String::new(), lines: Vec::new() };
        for (number, part) in parts {
            prose.lines.push((prose.text.len(), number));
            prose.text.push_str(part);
            prose.text.push(' ');
        }
        prose
    }

    /// The line of the file that holds the place `at`.
    pub(super) fn line(&self, at: usize) -> usize {
        let line = self.lines.iter().take_while(|(begin, _)| *begin <= at).last();
        line.map_or(1, |(_, number)| *number)
    }

    /// What stands between double quotes, with its place.
    pub(super) fn quotations(&self) -> Vec<(usize, &str)> {
        let mut at = 0;
        let mut quotations = Vec::new();
        for (index, part) in self.text.split('"').enumerate() {
            if index % 2 == 1 {
                quotations.push((at, part));
            }
            at += part.len() + 1;
        }
        quotations
    }
}

/// A line without its indentation and the marks of a comment.
fn unmarked(line: &str) -> &str {
    let line = line.trim();
    let comment = ["///", "//!", "//"].iter().find_map(|mark| line.strip_prefix(mark));
    comment.unwrap_or(line).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_may_go_over_two_lines_and_has_its_line() {
        let text = "fn f() {\n    /// - Cut: \"A request that\n    ///   is cut\", and \"more\".\n    g(\"no\");\n}\n";
        let prose = Prose::of_comments(text);
        let quoted: Vec<_> =
            prose.quotations().into_iter().map(|(at, quoted)| (prose.line(at), quoted)).collect();
        assert_eq!(quoted, [(2, "A request that is cut"), (3, "more")]);
    }
}
