//! Showing each promise as it is decided.

use events::contract::{Report, Status};

use crate::{
    mutants::{Mutant, recognise},
    report::Words,
    terminal::{Ticker, say},
};

/// The running report of one check.
pub(super) struct Show<'a> {
    words: &'a Words<'a>,
    only: Option<usize>,
    silent: bool,
    mutants: Vec<Mutant>,
    ticker: Ticker,
    has_extras_heading: bool,
}

impl<'a> Show<'a> {
    pub(super) fn new(
        words: &'a Words<'a>,
        only: Option<usize>,
        silent: bool,
        mutants: Vec<Mutant>,
    ) -> Self {
        let mut show =
            Show { words, only, silent, mutants, ticker: Ticker::new(), has_extras_heading: false };
        show.tick(only.unwrap_or(0));
        show
    }

    /// Shows the verdict on the promise at `index`, and what is being checked next.
    pub(super) fn decided(&mut self, index: usize, report: &Report) {
        if self.silent || self.only.is_some_and(|only| only != index) {
            return;
        }
        self.ticker.clear();
        if self.words.promises[index].extra && !self.has_extras_heading && self.only.is_none() {
            self.has_extras_heading = true;
            say(Words::extras_heading());
        }
        match report.status {
            Status::Kept => say(self.words.kept(index, report)),
            Status::Broken => self.broken(index, report),
            Status::Unclear => say(self.words.unclear(index, report)),
            Status::Skipped => say(self.words.skipped(index, report)),
            Status::NotReached | Status::Faulty => {}
        }
        if report.status != Status::Broken && self.only.is_none() {
            self.tick(index + 1);
        }
    }

    fn broken(&self, index: usize, report: &Report) {
        say(self.words.broken(index, report));
        let Some(story) = &report.story else { return };
        let promise = &self.words.promises[index];
        if promise.extra && self.only.is_none() {
            return say(self.words.beyond(index, story));
        }
        let likeness = recognise(&self.mutants, &promise.id, story);
        say(self.words.story(index, story, likeness));
    }

    fn tick(&mut self, index: usize) {
        if !self.silent && index < self.words.promises.len() {
            self.ticker.show(&self.words.checking(index));
        }
    }
}
