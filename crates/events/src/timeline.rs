//! The timeline under a broken promise: when, who says so, what.

use colored::Colorize;

use crate::{Entry, Source};

/// Entries shown at most; what is left out is counted in its place.
pub const MAX_ENTRIES: usize = 16;

/// Entries that are always shown at the beginning and at the end of a long recording.
const HEAD: usize = 3;
const TAIL: usize = 8;

/// Draws `entries` as lines of at most `width` columns, without a final newline.
///
/// Of a long recording it shows how it began, what led to the marked entry (or to the end, if none
/// is marked), and in between what the tester did to the program.
#[must_use]
pub fn timeline(entries: &[Entry], width: usize) -> Vec<String> {
    let end = entries.iter().position(|entry| entry.here).map_or(entries.len(), |at| at + 3);
    let entries = &entries[..end.min(entries.len())];
    if entries.len() <= MAX_ENTRIES {
        return entries.iter().map(|entry| line(entry, width)).collect();
    }
    let tail = entries.len() - TAIL;
    let landmarks = (HEAD..tail).rev().filter(|at| is_landmark(&entries[*at]));
    let landmarks: Vec<usize> = landmarks.take(MAX_ENTRIES - HEAD - TAIL).collect();
    let mut lines = Vec::new();
    let mut left_out = 0;
    for (at, entry) in entries.iter().enumerate() {
        if at < HEAD || at >= tail || landmarks.contains(&at) {
            if left_out > 0 {
                lines.push(format!("         … {left_out} more").dimmed().to_string());
                left_out = 0;
            }
            lines.push(line(entry, width));
        } else {
            left_out += 1;
        }
    }
    lines
}

/// A start of the program, or a signal to it: what everything else is an effect of.
fn is_landmark(entry: &Entry) -> bool {
    let is_ours = entry.source == Source::Observed;
    is_ours && (entry.text.starts_with("started ") || entry.text.contains(" sent to "))
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
        entries[50].text = "SIGTERM sent to the primary".to_owned();
        let lines = timeline(&entries, 80);
        assert!(lines[0].ends_with("step 0"));
        assert_eq!(lines[HEAD].trim(), "… 47 more");
        assert!(lines[HEAD + 1].ends_with("SIGTERM sent to the primary"));
        assert_eq!(lines[HEAD + 2].trim(), "… 34 more");
        assert!(lines[HEAD + 3].ends_with("step 85"));
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
