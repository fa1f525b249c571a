//! Code in the guides is quoted from the tree, to the letter.
//!
//! A block that begins with ```` ```rust from=path ```` must stand in that file; a common
//! indentation may be left off.

use std::path::Path;

use crate::workspace::Workspace;

/// A fenced block that claims to come from a file.
#[derive(Debug, PartialEq, Eq)]
struct Quote {
    line: usize,
    from: String,
    code: Vec<String>,
}

/// What is wrong with the quoted code of the page at `file`.
pub(super) fn problems(workspace: &Workspace, file: &Path, text: &str) -> Vec<String> {
    let wrong = quotes(text).into_iter().filter_map(|quote| {
        let place = format!("{}:{}", file.display(), quote.line);
        match workspace.read(&quote.from) {
            Err(_) => {
                Some(format!("{place} quotes {}, which can't be read. Correct it.", quote.from))
            }
            Ok(source) if !is_in(&quote.code, &source) => Some(format!(
                "{place} quotes code that is not in {} any more. Quote it anew.",
                quote.from
            )),
            Ok(_) => None,
        }
    });
    wrong.collect()
}

fn quotes(text: &str) -> Vec<Quote> {
    let mut quotes = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, opening)) = lines.next() {
        let ticks = opening.trim_start();
        let Some(info) = ticks.strip_prefix("```") else { continue };
        let indent = opening.len() - ticks.len();
        let code = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```");
        let code = code.map(|line| line.get(indent..).unwrap_or_default().trim_end().to_owned());
        let code: Vec<String> = code.collect();
        if let Some(from) = info.split([' ', ',']).find_map(|word| word.strip_prefix("from=")) {
            quotes.push(Quote { line, from: from.to_owned(), code });
        }
    }
    quotes
}

/// Whether `code` stands in `source`, perhaps further to the right.
fn is_in(code: &[String], source: &str) -> bool {
    let source: Vec<&str> = source.lines().map(str::trim_end).collect();
    let is_here = |at: &[&str]| {
        let mut pairs = code.iter().zip(at).filter(|(quoted, _)| !quoted.is_empty());
        let Some(indent) =
            pairs.clone().find_map(|(quoted, line)| line.strip_suffix(quoted.as_str()))
        else {
            return false;
        };
        let blanks_agree = code.iter().zip(at).all(|(a, b)| a.is_empty() == b.is_empty());
        indent.chars().all(char::is_whitespace)
            && blanks_agree
            && pairs.all(|(quoted, line)| line.strip_prefix(indent) == Some(quoted))
    };
    !code.is_empty() && source.windows(code.len()).any(is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "mod a {\n    fn f() {\n        g();\n\n        h();\n    }\n}\n";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_quotation_may_leave_off_the_common_indentation_only() {
        assert!(is_in(&lines("fn f() {\n    g();\n\n    h();\n}"), SOURCE));
        assert!(is_in(&lines("        g();\n\n        h();"), SOURCE));
        assert!(!is_in(&lines("fn f() {\ng();"), SOURCE));
        assert!(!is_in(&lines("g();\nh();"), SOURCE));
        assert!(!is_in(&[], SOURCE));
    }

    #[test]
    fn only_blocks_that_name_their_source_are_quotations() {
        let text = "```rust\nlet a;\n```\n\n```rust from=src/a.rs\ng();\n```\n";
        let quote = Quote { line: 5, from: "src/a.rs".into(), code: lines("g();") };
        assert_eq!(quotes(text), [quote]);
    }
}
