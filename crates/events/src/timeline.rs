//! The timeline under a broken promise: when, who says so, what.

use std::collections::BTreeSet;

use colored::Colorize;

use crate::{Entry, Event, Exit, RollEvent, Source, WorkerEvent, panic};

/// Entries shown at most; what is left out is counted in its place.
pub const MAX_ENTRIES: usize = 16;

/// Entries that are always shown at the beginning and at the end of a long recording.
const HEAD: usize = 3;
const TAIL: usize = 6;
/// Entries between those two that are shown because of what they say.
const DECISIVE: usize = 5;

/// Draws `entries` as lines of at most `width` columns, without a final newline.
///
/// Of a long recording it shows how it began, what led to the marked entry (or to the end, if none
/// is marked), and in between what may have decided it: panics, ends of processes, and what the
/// tester did to the program.
#[must_use]
pub fn timeline(entries: &[Entry], width: usize) -> Vec<String> {
    let end = entries.iter().position(|entry| entry.here).map_or(entries.len(), |at| at + 3);
    let entries = &entries[..end.min(entries.len())];
    let is_shown = selection(entries);
    let mut lines = Vec::new();
    let mut left_out = 0;
    for (at, entry) in entries.iter().enumerate() {
        if !is_shown[at] {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            lines.push(format!("         … {left_out} more").dimmed().to_string());
            left_out = 0;
        }
        lines.push(line(entry, width));
    }
    lines
}

/// For each entry whether it is shown.
fn selection(entries: &[Entry]) -> Vec<bool> {
    let told = without_repeats(entries);
    let shown = if told.len() > MAX_ENTRIES { chosen(entries, &told) } else { told };
    let mut is_shown = vec![false; entries.len()];
    for at in shown {
        is_shown[at] = true;
    }
    is_shown
}

/// Of the entries `told`, more than there is room for, those that are shown.
fn chosen(entries: &[Entry], told: &[usize]) -> Vec<usize> {
    let (head, rest) = told.split_at(HEAD);
    let (middle, tail) = rest.split_at(rest.len() - TAIL);
    let mut decisive: Vec<(u8, usize)> =
        middle.iter().filter_map(|at| Some((weight(entries, *at)?, *at))).collect();
    // Of equal weight, what came last led to the mark.
    decisive.sort_by_key(|(weight, at)| (*weight, usize::MAX - *at));
    decisive.truncate(DECISIVE);
    let mut shown: Vec<usize> = decisive.into_iter().map(|(_, at)| at).collect();
    let others: Vec<usize> =
        middle.iter().rev().filter(|at| !shown.contains(at)).copied().collect();
    shown.extend(others.into_iter().take(MAX_ENTRIES - HEAD - TAIL - shown.len()));
    [head, tail, &shown].concat()
}

/// The entries without each panic at a place where the program panicked before: a hundred requests
/// may come to one `todo!()`.
fn without_repeats(entries: &[Entry]) -> Vec<usize> {
    let mut places = BTreeSet::new();
    let (mut first, mut repeats) = (BTreeSet::new(), BTreeSet::new());
    for (at, entry) in entries.iter().enumerate() {
        let Some(place) = panic::place(entry) else { continue };
        let told = if places.insert(place) { &mut first } else { &mut repeats };
        told.extend([Some(at), panic::message_of(entries, at)].into_iter().flatten());
    }
    (0..entries.len()).filter(|at| first.contains(at) || !repeats.contains(at)).collect()
}

/// How much the entry at `at` may have decided, the heaviest first; `None` if it is one of many.
fn weight(entries: &[Entry], at: usize) -> Option<u8> {
    let first_panic = entries.iter().position(|entry| panic::place(entry).is_some());
    let says_why = first_panic.and_then(|first| panic::message_of(entries, first));
    if first_panic == Some(at) || says_why == Some(at) {
        return Some(0);
    }
    let entry = &entries[at];
    match entry.source {
        Source::Output => panic::place(entry).map(|_| 2),
        Source::Reported => entry.event.as_ref().is_some_and(is_bad_news).then_some(1),
        Source::Observed => is_landmark(&entry.text).then_some(1),
    }
}

/// A start of the program, its end, or a signal to it: what everything else is an effect of.
fn is_landmark(text: &str) -> bool {
    text.starts_with("started ") || text.contains(" sent to ") || text.contains(" ended: ")
}

/// A worker that did not end well, or a version that was given up.
fn is_bad_news(event: &Event) -> bool {
    let ended_well =
        matches!(event, Event::Worker(WorkerEvent::Exited { exit: Exit::Code(0), .. }));
    let is_news = matches!(
        event,
        Event::Worker(WorkerEvent::Exited { .. } | WorkerEvent::Killed { .. })
            | Event::Roll(RollEvent::Abandoned { .. })
    );
    is_news && !ended_well
}

fn line(entry: &Entry, width: usize) -> String {
    const MARK: &str = "  <- here";
    const COLUMNS_BEFORE_TEXT: usize = 19;
    let mark = if entry.here { MARK } else { "" };
    let room = width.saturating_sub(COLUMNS_BEFORE_TEXT + mark.len()).max(20);
    let text = match panic::place(entry) {
        Some(place) => clip_start(&format!("panicked at {place}"), room),
        None => clip(&entry.text, room),
    };
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

/// The same, but the end of `text` stays: a line number stands there.
fn clip_start(text: &str, room: usize) -> String {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    backwards(&clip(&backwards(text), room))
}

#[cfg(test)]
mod tests;
