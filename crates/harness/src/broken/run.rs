//! The run that broke: a check may start the program several times, and a story is about one.

use std::ops::Range;

use events::{Entry, Source, spin};

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

/// The last thing that the tester did or saw in `run`.
pub(super) fn last_observation(entries: &[Entry], run: &Range<usize>) -> Option<usize> {
    run.clone().rev().find(|at| is_observed(&entries[*at]) && !spin::is_said(&entries[*at]))
}

fn is_observed(entry: &Entry) -> bool {
    entry.source == Source::Observed
}
