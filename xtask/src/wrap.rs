//! Breaking text into lines of a given width, colours included.
//!
//! An escape sequence takes no column, so widths are counted without them.

/// Columns that a text needs beside what stands before it.
const ROOM: usize = 18;
/// How far it is indented where it has fewer.
const SMALL_INDENT: usize = 4;

/// Breaks `text` at spaces into lines of at most `width` columns. A word that is longer stays
/// whole: a path or an address that was cut can't be pasted.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && visible_width(&line) + 1 + visible_width(word) > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Wraps `text` behind `lead`, and indents the following lines by the width of `lead`. If that leaves
/// no room, `text` begins on the next line.
pub(crate) fn hang(lead: &str, text: &str, width: usize) -> String {
    let indent = visible_width(lead);
    let room = width.saturating_sub(indent);
    if room >= ROOM {
        let follow = format!("\n{}", " ".repeat(indent));
        return format!("{lead}{}", wrap(text, room).join(&follow));
    }
    let follow = format!("\n{}", " ".repeat(SMALL_INDENT));
    let text = wrap(text, width.saturating_sub(SMALL_INDENT)).join(&follow);
    let lead = if plain(lead).trim().is_empty() { "" } else { lead.trim_end() };
    format!("{lead}{follow}{text}").trim_start_matches('\n').to_owned()
}

/// Breaks the lines of `text` that are wider than `width`, unless they hold a command to paste, which
/// stands after two spaces.
pub(crate) fn fit(text: &str, width: usize) -> String {
    let is_whole = |line: &str| visible_width(line) <= width || line.contains("  ");
    let fitted = text
        .lines()
        .map(|line| if is_whole(line) { line.to_owned() } else { wrap(line, width).join("\n") });
    fitted.collect::<Vec<_>>().join("\n")
}

/// Columns that `text` takes on the screen.
pub(crate) fn visible_width(text: &str) -> usize {
    visible(text).count()
}

/// `text` without its escape sequences.
pub(crate) fn plain(text: &str) -> String {
    visible(text).collect()
}

fn visible(text: &str) -> impl Iterator<Item = char> {
    let mut in_escape = false;
    text.chars().filter(move |c| {
        let is_hidden = in_escape || *c == '\x1b';
        in_escape = is_hidden && *c != 'm';
        !is_hidden
    })
}

/// `text` with spaces up to `width` columns.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(visible_width(text));
    format!("{text}{}", " ".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_breaks_at_spaces_and_never_inside_a_word() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("a /very/long/path b", 6), ["a", "/very/long/path", "b"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn only_what_is_too_wide_is_broken_and_a_command_never_is() {
        assert_eq!(fit("one two three\nfour", 8), "one two\nthree\nfour");
        assert_eq!(fit("next  cargo xtask check", 8), "next  cargo xtask check");
    }

    #[test]
    fn colours_take_no_columns() {
        assert_eq!(visible_width("\x1b[1;31mred\x1b[0m"), 3);
        assert_eq!(plain("\x1b[1;31mred\x1b[0m m"), "red m");
        assert_eq!(wrap("\x1b[1mab\x1b[0m cd", 5).len(), 1);
        assert_eq!(pad("\x1b[1mab\x1b[0m", 4), "\x1b[1mab\x1b[0m  ");
    }

    #[test]
    fn following_lines_hang_under_the_first() {
        let text = "one two three four five six";
        assert_eq!(hang("- ", text, 22), "- one two three four\n  five six");
        assert_eq!(hang("a-long-name  ", "one two three", 20), "a-long-name\n    one two three");
        assert_eq!(hang("             ", "one two three", 20), "    one two three");
    }
}
