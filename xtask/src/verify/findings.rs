//! What was verified, line by line, and what is wrong.

use colored::Colorize;

use crate::{
    terminal::{Ticker, say, width},
    wrap::hang,
};

/// The running report of `verify`.
#[derive(Default)]
pub(super) struct Findings {
    verified: usize,
    problems: usize,
    /// What is not as it should be.
    red: Vec<String>,
    /// Judgements of programs, and how many of them were repeated alone.
    judgements: usize,
    lone: usize,
    ticker: Option<Ticker>,
}

impl Findings {
    /// A part begins.
    pub(super) fn begin(&mut self, part: &str) {
        self.ticker = None;
        say(format!("\n{}", part.bold()));
    }

    /// Says what is being looked at, on a terminal, until the next line.
    pub(super) fn looking_at(&mut self, what: &str) {
        self.ticker.get_or_insert_with(Ticker::new).show(&format!("  {what}"));
    }

    /// Something was looked at: it is right, or these problems are.
    pub(super) fn add(&mut self, what: &str, problems: &[String]) {
        self.ticker = None;
        self.verified += 1;
        let mark = if problems.is_empty() { "✓".green() } else { "✗".red().bold() };
        say(hang(&format!("  {mark} "), what, width()));
        for problem in problems {
            say(hang("      ", problem, width()).red().to_string());
        }
        if !problems.is_empty() {
            self.red.push(what.to_owned());
            self.problems += problems.len();
        }
    }

    /// Something that is worth knowing and not wrong.
    pub(super) fn remark(&mut self, text: &str) {
        self.ticker = None;
        say(hang("  ! ", text, width()).yellow().to_string());
    }

    /// Lines that belong to what was added last.
    pub(super) fn show(&mut self, text: &str) {
        self.ticker = None;
        say(text);
    }

    /// A program was judged by a promise.
    pub(super) fn judged(&mut self) {
        self.judgements += 1;
    }

    /// A judgement failed beside others, and is repeated alone.
    pub(super) fn repeated(&mut self) {
        self.lone += 1;
    }

    /// The last word; whether everything is right.
    pub(super) fn sum_up(mut self) -> bool {
        self.ticker = None;
        if self.judgements > 0 {
            let judgements = events::numbers::count(self.judgements, "judgement");
            say(format!("\n{} of {judgements} needed a second, lone one.", self.lone));
        }
        let verified = events::numbers::count(self.verified, "thing");
        if self.red.is_empty() {
            say(format!("\n{}", format!("{verified} verified, all right.").green().bold()));
            return true;
        }
        let problems = events::numbers::count(self.problems, "problem");
        let red = self.red.len();
        let summary = format!("{verified} verified; {problems} above, in {red} of them:");
        say(format!("\n{}", summary.red().bold()));
        for what in &self.red {
            say(hang("  ✗ ", what, width()));
        }
        false
    }
}
