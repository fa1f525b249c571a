//! Code in the guides is quoted from the tree, to the letter.
//!
//! A block that begins with ```` ```rust from=path ```` must stand in that file; a common
//! indentation may be left off.

use std::path::Path;

use super::blocks::blocks;
use crate::workspace::Workspace;

/// What is wrong with the quoted code of the page at `file`.
pub(super) fn problems(workspace: &Workspace, file: &Path, text: &str) -> Vec<String> {
    let wrong = blocks(text).into_iter().filter_map(|quote| {
        let from = quote.attribute("from")?;
        let place = format!("{}:{}", file.display(), quote.line);
        match workspace.read(from) {
            Err(_) => Some(format!("{place} quotes {from}, which can't be read. Correct it.")),
            Ok(source) if !is_in(&quote.lines, &source) => {
                Some(format!("{place} quotes code that is not in {from} any more. Quote it anew."))
            }
            Ok(_) => None,
        }
    });
    wrong.collect()
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
}
