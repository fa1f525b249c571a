//! The run that broke: a check may start the program several times, and a story is about one.

use std::ops::Range;

use events::{Entry, Panic, Source, panic, spin};

use crate::cluster::{ENDED, THE_END};

/// The entries of the run that was under way at `here`, or of the last one, without what we did to
/// end it. `starts` says where the program was started. Runs that overlap count as one.
pub(super) fn that_broke(entries: &[Entry], starts: &[usize], here: Option<usize>) -> Range<usize> {
    let until = here.unwrap_or(entries.len());
    let (mut begin, mut running) = (0, 0_u32);
    for (at, entry) in entries.iter().enumerate().take(until + 1) {
        if starts.contains(&at) {
            begin = if running == 0 { at } else { begin };
            running += 1;
        } else if is_observed(entry) && entry.text.starts_with(ENDED) {
            running = running.saturating_sub(1);
        }
    }
    let seen = here.map_or(begin, |here| here + 1);
    let is_end = |entry: &Entry| is_observed(entry) && entry.text == THE_END;
    let end = entries.iter().skip(seen).position(is_end);
    begin..end.map_or(entries.len(), |end| seen + end)
}

/// The lines of a `todo!()` to which the program came in `run`, if they were read after its end: a
/// connection that breaks is seen sooner than what the process has printed. `starts` as above.
pub(super) fn late_todo(entries: &[Entry], starts: &[usize], run: &Range<usize>) -> Vec<Entry> {
    let next = starts.iter().find(|start| **start >= run.end).copied().unwrap_or(entries.len());
    let (seen, later) = (&entries[run.clone()], &entries[run.end..next]);
    let is_todo = Panic::first(later).is_some_and(|panic| panic.todo().is_some());
    if Panic::first(seen).is_some() || !is_todo {
        return Vec::new();
    }
    let first = later.iter().position(|entry| panic::place(entry).is_some());
    let lines = first.into_iter().flat_map(|at| [Some(at), panic::message_of(later, at)]);
    lines.flatten().map(|at| later[at].clone()).collect()
}

/// The last thing that the tester did or saw in `run`.
pub(super) fn last_observation(entries: &[Entry], run: &Range<usize>) -> Option<usize> {
    run.clone().rev().find(|at| is_observed(&entries[*at]) && !spin::is_said(&entries[*at]))
}

fn is_observed(entry: &Entry) -> bool {
    entry.source == Source::Observed
}
