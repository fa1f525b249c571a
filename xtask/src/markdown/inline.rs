//! Emphasis, code and links inside of a paragraph.
//!
//! Each word is coloured by itself, so that a line may break anywhere between words.

use colored::{ColoredString, Colorize, control::SHOULD_COLORIZE};

/// Styles the inline marks of `text`.
pub(crate) fn inline(text: &str) -> String {
    let mut styled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*', '[', '!', '\\']) {
        let (before, marked) = rest.split_at(at);
        styled.push_str(before);
        let (piece, length) = piece(marked, styled.chars().next_back());
        styled.push_str(&piece);
        rest = &marked[length..];
    }
    styled + rest
}

/// What `marked` begins with, styled, and how many bytes of it that takes.
fn piece(marked: &str, before: Option<char>) -> (String, usize) {
    let in_a_word = before.is_some_and(char::is_alphanumeric);
    let found = match marked.as_bytes() {
        [b'\\', c, ..] if c.is_ascii_punctuation() => Some((marked[1..2].to_owned(), 2)),
        [b'`', ..] => code(marked),
        [b'*', b'*', ..] => span(marked, "**", |word| word.bold()),
        [b'*', ..] if !in_a_word => span(marked, "*", |word| word.italic()),
        [b'!', b'[', ..] => link(&marked[1..]).map(|(picture, length)| (picture, length + 1)),
        [b'[', ..] => link(marked),
        _ => None,
    };
    found.unwrap_or_else(|| (marked[..1].to_owned(), 1))
}

/// Code may hold backquotes if it stands between more of them.
fn code(marked: &str) -> Option<(String, usize)> {
    let ticks = marked.len() - marked.trim_start_matches('`').len();
    let mark = &marked[..ticks];
    let end = marked[ticks..].find(mark)?;
    let text = marked[ticks..ticks + end].trim();
    // Without colour, only the marks tell code from prose.
    let shown = if SHOULD_COLORIZE.should_colorize() {
        each_word(text, |word| word.cyan())
    } else {
        format!("{mark}{text}{mark}")
    };
    Some((shown, end + 2 * ticks))
}

fn span(marked: &str, mark: &str, style: fn(&str) -> ColoredString) -> Option<(String, usize)> {
    let inside = &marked[mark.len()..];
    let end = inside.find(mark).filter(|end| *end > 0 && !inside.starts_with(' '))?;
    let text = inline(&inside[..end]);
    Some((each_word(&text, style), end + 2 * mark.len()))
}

/// `[text](target)`: a place in the workbook is named by the text alone unless it is a file.
fn link(marked: &str) -> Option<(String, usize)> {
    let (text, rest) = marked[1..].split_once("](")?;
    let (target, _) = rest.split_once(')')?;
    let length = 1 + text.len() + 2 + target.len() + 1;
    let shown = each_word(&inline(text), |word| word.underline());
    let is_elsewhere = !target.starts_with('#') && text.trim_matches('`') != target;
    let target = target.trim_start_matches("../");
    let place = if is_elsewhere { format!(" ({})", target.dimmed()) } else { String::new() };
    Some((shown + &place, length))
}

fn each_word(text: &str, style: fn(&str) -> ColoredString) -> String {
    let words: Vec<String> = text.split(' ').map(|word| style(word).to_string()).collect();
    words.join(" ")
}
