//! The timeline under a broken promise: when, who says so, what.

use colored::Colorize;

use crate::{Entry, Source};

/// Entries shown at most; what is left out is counted in its place.
pub const MAX_ENTRIES: usize = 16;

/// Draws `entries` as lines of at most `width` columns, without a final newline.
///
/// A long recording is cut in the middle: how it began, and what led to the marked entry (or to
/// the end, if none is marked) tell most.
#[must_use]
pub fn timeline(entries: &[Entry], width: usize) -> Vec<String> {
    let end = entries.iter().position(|entry| entry.here).map_or(entries.len(), |at| at + 3);
    let entries = &entries[..end.min(entries.len())];
    if entries.len() <= MAX_ENTRIES {
        return entries.iter().map(|entry| line(entry, width)).collect();
    }
    let (head, tail) = (MAX_ENTRIES / 4, MAX_ENTRIES - MAX_ENTRIES / 4 - 1);
    let left_out = entries.len() - head - tail;
    let mut lines: Vec<String> = entries[..head].iter().map(|entry| line(entry, width)).collect();
    lines.push(format!("         … {left_out} more").dimmed().to_string());
    lines.extend(entries[entries.len() - tail..].iter().map(|entry| line(entry, width)));
    lines
}

fn line(entry: &Entry, width: usize) -> String {
    const MARK: &str = "  <- here";
    const COLUMNS_BEFORE_TEXT: usize = 19;
    let mark = if entry.here { MARK } else { "" };
    let room = width.saturating_sub(COLUMNS_BEFORE_TEXT + mark.len()).max(20);
    let text = clip(&entry.text, room);
    let at = format!("{:7.3}", entry.at);
    match entry.source {
        Source::Reported => format!("{}  {}  {text}{mark}", at.dimmed(), "reported".cyan()),
        Source::Output => format!("{}  {}  {text}{mark}", at.dimmed(), "output  ".dimmed()),
        Source::Observed if entry.here => {
            format!("{}  {}  {}{}", at.dimmed(), "observed".bold(), text.red(), mark.red().bold())
        }
        Source::Observed => format!("{}  {}  {text}", at.dimmed(), "observed".bold()),
    }
}

/// Cuts `text` to `room` characters, with an ellipsis where something is missing.
#[must_use]
pub fn clip(text: &str, room: usize) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    if text.chars().count() <= room {
        return text;
    }
    let kept: String = text.chars().take(room.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_reads_as_three_columns() {
        colored::control::set_override(false);
        let mut refused = Entry::observed(0.305, "GET /slow: connection reset");
        refused.here = true;
        let entries = [
            Entry::from_line(0.2124, r#"{"event":"worker-ready","worker":1,"pid":4242}"#),
            Entry::from_line(0.23, "debug: got here"),
            refused,
        ];
        assert_eq!(
            timeline(&entries, 80),
            [
                "  0.212  reported  worker 1 ready (pid 4242)",
                "  0.230  output    debug: got here",
                "  0.305  observed  GET /slow: connection reset  <- here",
            ]
        );
    }

    #[test]
    fn a_long_recording_keeps_its_beginning_and_what_led_to_the_mark() {
        colored::control::set_override(false);
        let mut entries: Vec<Entry> =
            (0..100).map(|i| Entry::observed(f64::from(i), format!("step {i}"))).collect();
        entries[90].here = true;
        let lines = timeline(&entries, 80);
        assert_eq!(lines.len(), MAX_ENTRIES);
        assert!(lines[0].ends_with("step 0"));
        assert_eq!(lines[4].trim(), "… 78 more");
        assert!(lines[lines.len() - 3].ends_with("step 90  <- here"));
        assert!(lines[lines.len() - 1].ends_with("step 92"));
    }

    #[test]
    fn a_long_line_is_clipped_to_the_width_and_control_characters_are_defused() {
        colored::control::set_override(false);
        let entry = Entry::from_line(0.0, &format!("\u{1b}[31m{}", "x".repeat(500)));
        let lines = timeline(&[entry], 60);
        assert_eq!(lines[0].chars().count(), 60);
        assert!(!lines[0].contains('\u{1b}'));
    }
}
