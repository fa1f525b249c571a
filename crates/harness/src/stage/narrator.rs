//! What a tour shows of the recording while it goes on.

use std::sync::atomic::{AtomicUsize, Ordering};

use events::{Entry, Source, timeline::timeline};

/// Lines of the program's own output that a step shows: they must not hide what the tour has to say.
const MOST_OUTPUT: usize = 8;

/// Turns entries into lines.
#[derive(Debug, Default)]
pub(super) struct Narrator {
    /// Lines that the program printed in this step, beside its events.
    printed: AtomicUsize,
}

impl Narrator {
    pub(super) fn begins_step(&self) {
        self.printed.store(0, Ordering::Relaxed);
    }

    /// What to show of `entry`.
    pub(super) fn lines(&self, entry: &Entry) -> Vec<String> {
        if entry.source == Source::Output {
            match self.printed.fetch_add(1, Ordering::Relaxed) {
                0..MOST_OUTPUT => {}
                MOST_OUTPUT => return vec!["  … it prints more, which is not shown".to_owned()],
                _ => return Vec::new(),
            }
        }
        let mut entry = entry.clone();
        if entry.source == Source::Observed {
            entry.here = false;
        }
        timeline(&[entry], 78).into_iter().map(|line| format!("  {line}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_prints_a_lot_does_not_hide_the_tour() {
        let narrator = Narrator::default();
        let noise = Entry::from_line(0.1, "noise");
        let shown = || (0..200).map(|_| narrator.lines(&noise).len()).sum::<usize>();
        assert_eq!(shown(), MOST_OUTPUT + 1);
        assert_eq!(narrator.lines(&Entry::observed(0.2, "SIGTERM sent")).len(), 1);
        narrator.begins_step();
        assert_eq!(shown(), MOST_OUTPUT + 1, "each step shows some");
    }
}
