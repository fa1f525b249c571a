//! The fenced blocks of a page.

/// A block between two fences.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line of its opening fence, from 1.
    pub(super) line: usize,
    /// What stands behind the opening fence, such as `rust from=path`.
    info: String,
    /// What is between the fences.
    pub(super) lines: Vec<String>,
}

impl Block {
    /// What stands behind `name=` in its opening line.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let words = self.info.split([' ', ',']);
        words.filter_map(|word| word.split_once('=')).find(|(n, _)| *n == name).map(|(_, v)| v)
    }
}

/// All blocks of `text`.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, opening)) = lines.next() {
        let ticks = opening.trim_start();
        let Some(info) = ticks.strip_prefix("```") else { continue };
        let indent = opening.len() - ticks.len();
        let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let inside = inside.map(|line| line.get(indent..).unwrap_or_default().trim_end());
        let lines = inside.map(str::to_owned).collect();
        blocks.push(Block { line, info: info.to_owned(), lines });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_knows_its_line_its_attributes_and_what_is_in_it() {
        let text = "```rust\nlet a;\n```\n\n  ```rust from=src/a.rs\n  g();\n\n  ```\n";
        let blocks = blocks(text);
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[1].line, blocks[1].attribute("from")), (5, Some("src/a.rs")));
        assert_eq!(blocks[1].lines, ["g();", ""]);
        assert_eq!(blocks[0].attribute("from"), None);
    }
}
