//! Every word that `check` says to a person, one function per outcome.
//!
//! Calm full sentences that say what was seen, blame nobody, and end with the next command. All
//! functions are pure; printing is somebody else's work.

use colored::Colorize;
use events::{
    contract::{Promise, Report, Status, Story},
    timeline::timeline,
};

use crate::{
    cargo::Diagnostic,
    mutants::Mutant,
    subject::Source,
    syllabus::{Exercise, Topic},
    wrap::{hang, pad, visible_width, wrap},
};

/// Columns kept free at the right for how long it took.
const TIME: usize = 8;

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
        let title =
            format!("Exercise {}: {}", self.exercise.number, self.topic.title.to_lowercase());
        let label = self.source.label(self.exercise);
        format!("{}  {}\n", title.bold(), label.dimmed())
    }

    /// What stands above the promises that are not needed.
    pub(crate) fn extras_heading() -> String {
        format!("\n{}", "Beyond the exercise, not needed to pass:".dimmed())
    }

    /// A promise that the program keeps.
    pub(crate) fn kept(&self, index: usize, report: &Report) -> String {
        self.line(index, &"✓".green().to_string(), report)
    }

    /// A promise that the program breaks; its story follows.
    pub(crate) fn broken(&self, index: usize, report: &Report) -> String {
        self.line(index, &"✗".red().bold().to_string(), report)
    }

    /// A promise that the machine can't check.
    pub(crate) fn skipped(&self, index: usize, report: &Report) -> String {
        let line = self.line(index, &"-".yellow().to_string(), report);
        let why = report.story.as_ref().map_or("This machine can't check it.", |s| &s.observed);
        format!("{line}\n{}", self.aside(why))
    }

    /// What is shown while a promise is being checked.
    pub(crate) fn checking(&self, index: usize) -> String {
        format!("· {}  {}", self.number(index), self.promises[index].sentence)
    }

    /// A broken extra, in short: it is an invitation, not a failure.
    pub(crate) fn beyond(&self, index: usize, story: &Story) -> String {
        let again = self.again(index);
        let observed = self.aside(&story.observed);
        format!("{observed}\n{}{}", self.indent(), format!("story  {again}").dimmed())
    }

    /// The story of a broken promise: expected, observed, what happened, and one next step.
    pub(crate) fn story(&self, index: usize, story: &Story, likeness: Option<&Mutant>) -> String {
        let indent = self.indent();
        let mut lines = vec![
            self.field("expected", &story.expected),
            self.field("observed", &story.observed.red().to_string()),
        ];
        let drawn = timeline(&story.timeline, self.width - indent.len());
        lines.extend(drawn.into_iter().map(|line| format!("{indent}{line}")));
        lines.extend(story.advice.as_deref().map(|advice| hang(&indent, advice, self.width)));
        lines
            .extend(likeness.map(|mutant| hang(&indent, &as_sentence(&mutant.lesson), self.width)));
        let guide = likeness.map_or(&self.promises[index].guide, |mutant| &mutant.guide);
        lines.push(self.field("guide", &guide.cyan().to_string()));
        if *self.source == Source::Own {
            let hint = format!("cargo xtask hint {}", self.exercise.name());
            lines.push(self.command_field("next", &hint));
        }
        lines.push(self.command_field("again", &self.again(index)));
        lines.join("\n") + "\n"
    }

    /// The check stopped at a broken promise, or went on and counts.
    pub(crate) fn failed(&self, reports: &[Report]) -> String {
        let not_reached = self.count(reports, Status::NotReached);
        let mut text = self.tally(reports);
        if not_reached > 0 {
            text = format!("{text}; {not_reached} not reached");
        }
        format!("{text}.").dimmed().to_string()
    }

    /// All needed promises are kept.
    pub(crate) fn passed(&self, reports: &[Report], next: &str) -> String {
        let kept = format!("Well done: {}.", self.tally(reports));
        let learnt = wrap(self.exercise.learnt, self.width).join("\n");
        let next = if *self.source == Source::Own {
            format!("\nnext   {}", next.bold())
        } else {
            String::new()
        };
        format!("\n{}\n{learnt}{next}", kept.green().bold())
    }

    /// Only one promise was asked for, and it is kept.
    pub(crate) fn passed_one(&self) -> String {
        let all = self.command();
        format!("\nThat promise is kept. All of them:  {}", all.bold())
    }

    /// The compiler refuses the learner's file.
    pub(crate) fn does_not_compile(&self, label: &str, errors: &[Diagnostic]) -> String {
        let text: Vec<&str> = errors.iter().map(|error| error.rendered.as_str()).collect();
        let count = events::narrate::count(errors.len(), "error");
        let summary = format!("{label} does not compile yet: {count}.");
        format!("{}{}\nagain  {}", text.concat(), summary.bold(), self.command().bold())
    }

    /// The compiler warns about the learner's file; the program runs all the same.
    pub(crate) fn warnings(&self, count: usize) -> String {
        let warnings = events::narrate::count(count, "warning");
        let command = format!("cargo build -p exercises --bin {}", self.exercise.name());
        let text =
            format!("Your file compiles with {warnings}; `{command}` shows what rustc says.");
        wrap(&text, self.width).join("\n").dimmed().to_string()
    }

    /// The learner's file imports the answer.
    pub(crate) fn looked_up(&self, lines: &[usize]) -> String {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let name = self.topic.crate_name();
        let text = format!(
            "{} uses the finished pattern of its own chapter (line {}). The promises are judged \
             all the same; to learn it, use only `{name}::given` and write the rest.",
            self.exercise.file(),
            lines.join(", "),
        );
        wrap(&text, self.width).join("\n").yellow().to_string()
    }

    /// One of many runs: kept all, or the first that broke.
    pub(crate) fn run(&self, run: u32, runs: u32, broken: Option<usize>, seconds: f64) -> String {
        let digits = runs.to_string().len();
        let (mark, what) = match broken {
            None => ("✓".green(), "all promises kept".to_owned()),
            Some(index) => {
                let sentence = &self.promises[index].sentence;
                ("✗".red().bold(), format!("{}  {sentence}", self.number(index).trim()))
            }
        };
        let lead = format!("{mark} run {run:>digits$}/{runs}  ");
        with_time(&hang(&lead, &what, self.width - TIME), self.width, seconds)
    }

    /// How many runs kept everything, and what broke in the others.
    pub(crate) fn runs(&self, runs: u32, kept_all: u32, broke: &[(usize, u32)]) -> String {
        let summary = format!("\n{kept_all} of {runs} runs kept all promises.");
        let mut lines = vec![summary.bold().to_string()];
        lines.extend(broke.iter().map(|(index, times)| {
            let lead = format!("  {times:>3} x  {}  ", self.number(*index).trim());
            hang(&lead, &self.promises[*index].sentence, self.width)
        }));
        lines.join("\n")
    }

    /// `✓  3/12  A request in flight is answered.    0.4 s`
    fn line(&self, index: usize, mark: &str, report: &Report) -> String {
        let lead = format!("{mark} {}  ", self.number(index));
        let text = hang(&lead, &self.promises[index].sentence, self.width - TIME);
        #[expect(clippy::cast_precision_loss, reason = "a check takes less than 10^15 ms")]
        with_time(&text, self.width, report.millis as f64 / 1000.0)
    }

    /// `3/12`, or `13` for an extra, which counts on but not towards the exercise.
    fn number(&self, index: usize) -> String {
        let needed = self.needed();
        let digits = self.promises.len().to_string().len();
        let number = format!("{:>digits$}", index + 1);
        let total = format!("/{needed}");
        if self.promises[index].extra {
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

    fn tally(&self, reports: &[Report]) -> String {
        let extras = self.promises.len() - self.needed();
        let beyond = self
            .promises
            .iter()
            .zip(reports)
            .filter(|(promise, report)| promise.extra && report.status == Status::Kept);
        let (kept, needed) = (self.count(reports, Status::Kept), self.needed());
        match (kept == needed, beyond.count()) {
            (false, _) => format!("{kept} of {needed} promises kept"),
            (true, 0) => format!("all {needed} promises kept"),
            (true, beyond) if beyond == extras => {
                format!("all {needed} promises kept, and all {extras} beyond the exercise")
            }
            (true, beyond) => {
                format!("all {needed} promises kept, and {beyond} of {extras} beyond the exercise")
            }
        }
    }

    /// The command that checks the same again.
    fn command(&self) -> String {
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

    fn field(&self, name: &str, text: &str) -> String {
        let lead = format!("{}{}  ", self.indent(), pad(name, 8).dimmed());
        hang(&lead, text, self.width)
    }

    /// A command stays on one line, however long: it is there to be pasted.
    fn command_field(&self, name: &str, command: &str) -> String {
        format!("{}{}  {}", self.indent(), pad(name, 8).dimmed(), command.bold())
    }

    fn aside(&self, text: &str) -> String {
        hang(&self.indent(), text, self.width).dimmed().to_string()
    }
}

/// Puts the time at the right end of the first line.
fn with_time(text: &str, width: usize, seconds: f64) -> String {
    let (first, rest) = text.split_once('\n').map_or((text, None), |(f, r)| (f, Some(r)));
    let time = format!("{seconds:.1} s");
    let first = pad(first, width - visible_width(&time));
    let rest = rest.map(|rest| format!("\n{rest}")).unwrap_or_default();
    format!("{first}{}{rest}", time.dimmed())
}

/// `this is what … looks like` as a sentence of its own.
fn as_sentence(lesson: &str) -> String {
    let mut letters = lesson.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if lesson.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

#[cfg(test)]
mod tests;
