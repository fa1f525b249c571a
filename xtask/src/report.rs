//! Every word that `check` says to a person, one function per outcome.
//!
//! Calm full sentences that say what was seen, blame no one, and end with the next command. All
//! functions are pure; the callers print. [`story`] is what stands under a broken
//! promise, [`outcome`] what stands at the end.

mod outcome;
mod story;

use colored::Colorize;
use events::contract::{Promise, Report, Status};

use crate::{
    subject::Source,
    syllabus::{Exercise, Topic},
    terminal::width,
    wrap::{hang, pad, visible_width, wrap},
};

/// Columns kept free at the right for how long it took.
const TIME: usize = 9;

/// What every line of one check's report needs to know.
pub(crate) struct Words<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) exercise: &'a Exercise,
    pub(crate) source: &'a Source,
    pub(crate) promises: &'a [Promise],
    pub(crate) width: usize,
}

impl Words<'_> {
    /// What is being checked.
    pub(crate) fn heading(&self) -> String {
        let number = self.exercise.number;
        let title = format!("Exercise {number}: {}", self.topic.title.to_lowercase());
        let label = self.source.label(self.exercise);
        let label = label.dimmed().to_string();
        if visible_width(&title) + 2 + visible_width(&label) <= self.width {
            return format!("{}  {label}\n", title.bold());
        }
        let title = wrap(&title, self.width).join("\n");
        format!("{}\n{label}\n", title.bold())
    }

    /// What stands above the promises that are not needed.
    pub(crate) fn extras_heading() -> String {
        let text = wrap("Beyond the exercise, not needed to pass:", width()).join("\n");
        format!("\n{}", text.dimmed())
    }

    /// A promise that the program keeps.
    pub(crate) fn kept(&self, index: usize, report: &Report) -> String {
        self.line(index, &"✓".green().to_string(), report)
    }

    /// A promise that the program breaks; its story follows.
    pub(crate) fn broken(&self, index: usize, report: &Report) -> String {
        self.line(index, &"✗".red().bold().to_string(), report)
    }

    /// A promise of which the machine was too busy to tell; what was busy, and what to do.
    pub(crate) fn unclear(&self, index: usize, report: &Report) -> String {
        let line = self.line(index, &"?".yellow().bold().to_string(), report);
        let waits = report.starvation.unwrap_or_default();
        let why = format!(
            "Unclear: this machine was too busy to tell. In one second a process of the program \
             waited {} ms for a core, and the checker's own clock was {} ms late. End what else \
             runs, and check again:",
            waits.program_ms, waits.tester_ms,
        );
        let again = format!("{}{}", self.indent(), self.again(index).bold());
        format!("{line}\n{}\n{again}", self.aside(&why))
    }

    /// A promise that can't be checked here.
    pub(crate) fn skipped(&self, index: usize, report: &Report) -> String {
        let line = self.line(index, &"-".yellow().to_string(), report);
        let story = report.story.as_ref();
        let why = story.map_or("This machine can't check it.", |story| &story.observed);
        format!("{line}\n{}", self.aside(why))
    }

    /// What is shown while a promise is being checked.
    pub(crate) fn checking(&self, index: usize) -> String {
        format!("· {}  {}", self.number(index), self.promises[index].sentence)
    }

    /// `✓  3/12  A request in flight is answered.    412 ms`
    fn line(&self, index: usize, mark: &str, report: &Report) -> String {
        let lead = format!("{mark} {}  ", self.number(index));
        let text = hang(&lead, &self.promises[index].sentence, self.width - TIME);
        with_time(&text, self.width, report.millis)
    }

    /// `3/12`, or `13` for an extra, which counts on but not towards the exercise.
    fn number(&self, index: usize) -> String {
        let digits = self.promises.len().to_string().len();
        let number = format!("{:>digits$}", index + 1);
        let total = format!("/{}", self.needed());
        if self.promises.get(index).is_some_and(|promise| promise.extra) {
            format!("{number}{}", " ".repeat(total.len()))
        } else {
            number + &total
        }
    }

    fn needed(&self) -> usize {
        self.promises.iter().filter(|promise| !promise.extra).count()
    }

    fn count(&self, reports: &[Report], status: Status) -> usize {
        let needed = self.promises.iter().zip(reports).filter(|(promise, _)| !promise.extra);
        needed.filter(|(_, report)| report.status == status).count()
    }

    /// The command that checks the same again.
    pub(crate) fn command(&self) -> String {
        let check = format!("cargo xtask check {}", self.exercise.name());
        match self.source {
            Source::Own => check,
            Source::Solution => format!("{check} --solution"),
            Source::Program(line) => {
                let quoted = shlex::try_quote(line).map_or_else(|_| line.clone(), Into::into);
                format!("{check} --program {quoted}")
            }
        }
    }

    fn again(&self, index: usize) -> String {
        format!("{} --only {}", self.command(), index + 1)
    }

    fn indent(&self) -> String {
        " ".repeat(self.number(0).len() + 4)
    }

    fn aside(&self, text: &str) -> String {
        hang(&self.indent(), text, self.width).dimmed().to_string()
    }
}

/// Puts the time at the right end of the first line.
fn with_time(text: &str, width: usize, millis: u64) -> String {
    let time = match millis {
        0..1000 => format!("{millis} ms"),
        _ => format!("{}.{} s ", millis / 1000, millis / 100 % 10),
    };
    let (first, rest) = text.split_once('\n').map_or((text, None), |(f, r)| (f, Some(r)));
    let first = pad(first, width.saturating_sub(visible_width(&time)));
    let rest = rest.map(|rest| format!("\n{rest}")).unwrap_or_default();
    format!("{first}{}{rest}", time.trim_end().dimmed())
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod width_tests;
