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
/// Lines of one entry at most.
const LINES: usize = 3;
/// The time and the source of an entry.
const COLUMNS_BEFORE_TEXT: usize = 19;

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
        lines.extend(drawn(entry, width));
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

/// The lines of one entry. What is long goes on below: its end is often what matters, such as a status.
fn drawn(entry: &Entry, width: usize) -> Vec<String> {
    const MARK: &str = "  <- here";
    let mark = if entry.here { MARK } else { "" };
    let room = width.saturating_sub(COLUMNS_BEFORE_TEXT + mark.len()).max(20);
    let mut pieces = match panic::place(entry) {
        Some(place) => vec![clip_start(&format!("panicked at {place}"), room)],
        None => fold(&entry.text, room),
    };
    let last = pieces.len() - 1;
    let is_the_reason = entry.here && entry.source == Source::Observed;
    if is_the_reason {
        pieces = pieces.into_iter().map(|piece| piece.red().to_string()).collect();
    }
    let mark = if is_the_reason { mark.red().bold().to_string() } else { mark.to_owned() };
    pieces[last].push_str(&mark);
    let before = format!("{}  {}  ", format!("{:7.3}", entry.at).dimmed(), says(entry.source));
    let follow = " ".repeat(COLUMNS_BEFORE_TEXT);
    let leads = std::iter::once(&before).chain(std::iter::repeat(&follow));
    leads.zip(pieces).map(|(lead, piece)| format!("{lead}{piece}")).collect()
}

fn says(source: Source) -> String {
    match source {
        Source::Reported => "reported".cyan().to_string(),
        Source::Output => "output  ".dimmed().to_string(),
        Source::Observed => "observed".bold().to_string(),
    }
}

/// Breaks `text` into lines of at most `room` characters: at a space or before an `&`, unless that
/// leaves more than half of a line empty. There are a few lines at most: an ellipsis stands for the rest.
#[must_use]
pub fn fold(text: &str, room: usize) -> Vec<String> {
    const BREAKS: [char; 2] = [' ', '&'];
    let text = text.replace(|c: char| c.is_control(), " ");
    let mut rest = text.trim_end();
    let mut pieces = Vec::new();
    while pieces.len() < LINES - 1 {
        let Some((full, _)) = rest.char_indices().nth(room) else { break };
        let space =
            if rest[full..].starts_with(BREAKS) { Some(full) } else { rest[..full].rfind(BREAKS) };
        let end = space.filter(|at| *at > full / 2).unwrap_or(full);
        pieces.push(rest[..end].to_owned());
        rest = rest[end..].trim_start();
    }
    pieces.push(clip(rest, room));
    pieces
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
