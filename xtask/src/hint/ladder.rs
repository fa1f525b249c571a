//! Reading `hints.md`: sections for promises, with rungs from a nudge to almost the code.

/// The hints for one or more promises.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// What it is about.
    pub(crate) heading: String,
    /// The promises it helps with, by id.
    pub(crate) promises: Vec<String>,
    /// Markdown, from the smallest help to the largest.
    pub(crate) rungs: Vec<String>,
}

impl Section {
    /// Whether it helps with `promise`.
    pub(crate) fn is_for(&self, promise: &str) -> bool {
        self.promises.iter().any(|id| id == promise)
    }
}

/// Reads `text`: `## heading`, a line `for: promise, promise`, then `### 1`, `### 2`, `### 3`.
pub(crate) fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        in_code ^= line.trim_start().starts_with("```");
        if let Some(heading) = line.strip_prefix("## ").filter(|_| !in_code) {
            sections.push(Section { heading: heading.trim().to_owned(), ..Section::default() });
        }
        if let Some(section) = sections.last_mut() {
            section.take(line, in_code);
        }
    }
    for rung in sections.iter_mut().flat_map(|section| &mut section.rungs) {
        *rung = rung.trim().to_owned();
    }
    sections
}

impl Section {
    fn take(&mut self, line: &str, in_code: bool) {
        if line.starts_with("### ") && !in_code {
            self.rungs.push(String::new());
        } else if let Some(rung) = self.rungs.last_mut() {
            rung.push_str(line);
            rung.push('\n');
        } else if let Some(ids) = line.strip_prefix("for:") {
            self.promises =
                ids.split(',').map(|id| id.trim().trim_matches('`').to_owned()).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HINTS: &str = "# Hints\n\n## Where to begin\nfor: start\n\n### 1\nRead `main`.\n\n### 2\n\
        Then `drain`.\n\n## Idle connections\nfor: idle, `close_header`\n\n### 1\n```rust\n\
        ## not a heading\n### neither\n```\n";

    #[test]
    fn sections_have_promises_and_rungs() {
        let sections = parse(HINTS);
        assert_eq!(sections.len(), 2);
        assert_eq!(sections[0].heading, "Where to begin");
        assert!(sections[0].is_for("start"));
        assert_eq!(sections[0].rungs, ["Read `main`.", "Then `drain`."]);
        assert!(sections[1].is_for("close_header") && sections[1].is_for("idle"));
        assert_eq!(sections[1].rungs.len(), 1);
        assert!(sections[1].rungs[0].contains("### neither"));
    }
}
