//! What stands at the end of a check, or instead of one.

use colored::Colorize;
use events::contract::{Report, Status};

use super::{TIME, Words, with_time};
use crate::{
    cargo::Diagnostic,
    subject::Source,
    wrap::{hang, wrap},
};

impl Words<'_> {
    /// The check stopped at a broken promise, or went on and counts.
    pub(crate) fn failed(&self, reports: &[Report]) -> String {
        let tally = self.tally(reports);
        let text = match self.count(reports, Status::NotReached) {
            0 => format!("{tally}."),
            not_reached => format!("{tally}; {not_reached} not reached."),
        };
        wrap(&text, self.width).join("\n").dimmed().to_string()
    }

    /// No promise is broken, and not all could be judged.
    pub(crate) fn unclear_in_all(&self, reports: &[Report]) -> String {
        let unclear = self.count(reports, Status::Unclear);
        let text = format!("{}; {unclear} unclear: no verdict.", self.tally(reports));
        format!("\n{}", text.yellow().bold())
    }

    /// All needed promises are kept. Only the learner is praised, and told what is `next`.
    pub(crate) fn passed(&self, reports: &[Report], next: &str) -> String {
        let tally = self.tally(reports);
        if *self.source != Source::Own {
            let mut letters = tally.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase()).unwrap_or_default();
            return format!("\n{}", format!("{first}{}.", letters.as_str()).green().bold());
        }
        let kept = wrap(&format!("Well done: {tally}."), self.width).join("\n").green().bold();
        let learnt = wrap(self.exercise.learnt, self.width).join("\n");
        format!("\n{kept}\n{learnt}\nnext   {}", next.bold())
    }

    /// Only one promise was asked for, and it is kept.
    pub(crate) fn passed_one(&self) -> String {
        format!("\nThat promise is kept.\nall    {}", self.command().bold())
    }

    /// The compiler refuses the learner's file.
    pub(crate) fn does_not_compile(&self, label: &str, errors: &[Diagnostic]) -> String {
        let text: Vec<&str> = errors.iter().map(|error| error.rendered.as_str()).collect();
        let count = events::numbers::count(errors.len(), "error");
        let summary =
            wrap(&format!("{label} does not compile yet: {count}."), self.width).join("\n");
        format!("{}{}\nagain  {}", text.concat(), summary.bold(), self.command().bold())
    }

    /// The compiler warns about the learner's file; the program runs all the same.
    pub(crate) fn warnings(&self, count: usize) -> String {
        let warnings = events::numbers::count(count, "warning");
        let command = format!("cargo build -p exercises --bin {}", self.exercise.name());
        let text =
            format!("Your file compiles with {warnings}; `{command}` shows what rustc says.");
        wrap(&text, self.width).join("\n").dimmed().to_string()
    }

    /// One of many runs: kept all, or the first that broke.
    pub(crate) fn run(
        &self,
        (run, runs): (u32, u32),
        only: Option<usize>,
        worst: Option<(usize, Status)>,
        millis: u64,
    ) -> String {
        let digits = runs.to_string().len();
        let (mark, what) = match worst {
            None => ("✓".green(), self.kept_what(only)),
            Some((index, status)) => {
                let sentence = &self.promises[index].sentence;
                let mark = if status == Status::Unclear { "?".yellow() } else { "✗".red() };
                (mark.bold(), format!("{}  {sentence}", self.number(index).trim()))
            }
        };
        let lead = format!("{mark} run {run:>digits$}/{runs}  ");
        with_time(&hang(&lead, &what, self.width - TIME), self.width, millis)
    }

    fn kept_what(&self, only: Option<usize>) -> String {
        match only {
            Some(index) => format!("promise {} kept", self.number(index).trim()),
            None => format!("all {} promises kept", self.needed()),
        }
    }

    /// How many runs kept everything that was judged, and what broke in the others.
    pub(crate) fn runs(
        &self,
        runs: u32,
        only: Option<usize>,
        (kept_all, unclear): (u32, u32),
        broke: &[(usize, u32)],
    ) -> String {
        let needed = self.needed();
        let what = match only {
            Some(index) => format!("kept promise {}", self.number(index).trim()),
            None if broke.is_empty() && self.promises.len() > needed => {
                let extras = self.promises.len() - needed;
                format!("kept all {needed} promises, and {} beyond the exercise", all(extras))
            }
            None => format!("kept all {needed} promises"),
        };
        let doubt = match unclear {
            0 => String::new(),
            _ => format!(" In {unclear}, the machine was too busy to tell."),
        };
        let summary = format!("{kept_all} of {runs} runs {what}.{doubt}");
        let summary = wrap(&summary, self.width).join("\n");
        let mut lines = vec![format!("\n{}", summary.bold())];
        lines.extend(broke.iter().map(|(index, times)| {
            let lead = format!("  {times:>3} x  {}  ", self.number(*index).trim());
            hang(&lead, &self.promises[*index].sentence, self.width)
        }));
        lines.join("\n")
    }

    fn tally(&self, reports: &[Report]) -> String {
        let (kept, needed) = (self.count(reports, Status::Kept), self.needed());
        if kept < needed {
            return format!("{kept} of {needed} promises kept");
        }
        let extras = self.promises.iter().zip(reports).filter(|(promise, _)| promise.extra);
        let beyond = extras.clone().filter(|(_, report)| report.status == Status::Kept).count();
        match (beyond, extras.count()) {
            (0, _) => format!("all {needed} promises kept"),
            (beyond, extras) if beyond == extras => {
                format!("all {needed} promises kept, and {} beyond the exercise", all(extras))
            }
            (beyond, extras) => {
                format!("all {needed} promises kept, and {beyond} of {extras} beyond the exercise")
            }
        }
    }
}

/// "all 3", or "the one".
fn all(extras: usize) -> String {
    match extras {
        1 => "the one".to_owned(),
        more => format!("all {more}"),
    }
}
