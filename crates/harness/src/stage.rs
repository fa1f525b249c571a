//! What a tour plays on: steps, what happens in them as it happens, and what must hold.

mod narrator;

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use colored::Colorize;
use events::{
    Entry,
    numbers::thousands,
    timeline::{fold, timeline},
};
use serde_json::{Map, Value, json};

use self::narrator::Narrator;
use crate::{
    Trial,
    broken::Kept,
    canvas::{Canvas, is_live},
    cluster::Cluster,
    ledger::Ledger,
    load::Load,
    patience,
    recorder::Recorder,
    subject::Subject,
};

/// A load that gets nowhere ends here; the account then shows why.
const LOAD_LIMIT: Duration = Duration::from_mins(1);

/// How a tour tells its story.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// To a person, as it happens.
    Text,
    /// As one JSON object at the end.
    Json,
}

/// A tour under way.
pub struct Stage {
    name: String,
    format: Format,
    trial: Trial,
    total: Ledger,
    steps: Vec<Step>,
    figures: Map<String, Value>,
    is_silent: Arc<AtomicBool>,
    narrator: Arc<Narrator>,
}

struct Step {
    title: String,
    findings: Vec<(bool, String)>,
}

impl Stage {
    /// An empty stage for the tour `name` of `subject`.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new(name: &str, subject: Subject, format: Format) -> std::io::Result<Self> {
        let is_silent = Arc::new(AtomicBool::new(format == Format::Json));
        let silent = is_silent.clone();
        let narrator = Arc::new(Narrator::default());
        let narrates = narrator.clone();
        let show = move |entry: &Entry| {
            if !silent.load(Ordering::Relaxed) {
                narrates.lines(entry).iter().for_each(|line| say(line));
            }
        };
        let recorder = Recorder::new(Some(Box::new(show)));
        Ok(Stage {
            name: name.to_owned(),
            format,
            trial: Trial::new(subject, recorder)?,
            total: Ledger::default(),
            steps: Vec::new(),
            figures: Map::new(),
            is_silent,
            narrator,
        })
    }

    /// Begins the next step.
    pub fn step(&mut self, title: &str) {
        self.narrator.begins_step();
        self.steps.push(Step { title: title.to_owned(), findings: Vec::new() });
        self.print(&format!("\n{}", format!("{}. {title}", self.steps.len()).bold()));
    }

    /// Says what to look at, in a sentence or two.
    pub fn say(&self, text: &str) {
        self.print(&format!("   {text}").dimmed().to_string());
    }

    /// Starts the program with `settings`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&self, settings: &[(&str, &str)]) -> Kept<Cluster> {
        self.trial.start(settings)
    }

    /// The trial behind the stage: its recording and its folder.
    #[must_use]
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Waits until `load` has had `number` more requests finished, and shows how far it is.
    pub fn run_load(&self, load: &Load, number: usize) {
        let is_live = self.format == Format::Text && is_live();
        let goal = load.finished() + number;
        let deadline = Instant::now() + patience(LOAD_LIMIT);
        while !load.wait_for(goal, Duration::from_millis(100)) && Instant::now() < deadline {
            if is_live {
                let mut stdout = std::io::stdout();
                let _ = write!(stdout, "\r   {} requests so far ", thousands(load.finished()));
                let _ = stdout.flush();
            }
        }
        if is_live {
            let _ = write!(std::io::stdout(), "\r{}\r", " ".repeat(40));
        }
    }

    /// From now on what happens is recorded, and not told line by line; or it is again.
    pub fn tell_events(&self, tells: bool) {
        self.is_silent.store(!tells || self.format == Format::Json, Ordering::Relaxed);
    }

    /// Shows `picture` until `is_over`, `limit` at most: as it grows on a terminal, once at the end
    /// elsewhere. Says whether it was over.
    #[must_use]
    pub fn watch(
        &self,
        limit: Duration,
        picture: impl Fn(u16) -> Vec<String>,
        mut is_over: impl FnMut() -> bool,
    ) -> bool {
        let (mut canvas, is_over) = self.draw_until(limit, &picture, &mut is_over);
        canvas.leave(&picture);
        is_over
    }

    /// The same for what is of no interest any more when it is over: shown on a terminal only, and
    /// wiped in the end.
    #[must_use]
    pub fn watch_live(
        &self,
        limit: Duration,
        picture: impl Fn(u16) -> Vec<String>,
        mut is_over: impl FnMut() -> bool,
    ) -> bool {
        let (mut canvas, is_over) = self.draw_until(limit, &picture, &mut is_over);
        canvas.wipe();
        is_over
    }

    fn draw_until(
        &self,
        limit: Duration,
        picture: &impl Fn(u16) -> Vec<String>,
        is_over: &mut impl FnMut() -> bool,
    ) -> (Canvas, bool) {
        let mut canvas = Canvas::new(self.format);
        let ended = processes::until(patience(limit), || {
            canvas.draw_anew(picture);
            is_over().then_some(())
        });
        (canvas, ended.is_some())
    }

    /// Remembers a figure for `--json`.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Adds `ledger` to the account of the whole tour.
    pub fn account(&mut self, ledger: &Ledger) {
        self.total.add(ledger);
    }

    /// Records whether what the tour promises held.
    pub fn finding(&mut self, holds: bool, text: impl Into<String>) {
        let text = text.into();
        let sign = if holds { "✓".green().bold() } else { "✗".red().bold() };
        self.print(&format!("   {sign} {text}"));
        if let Some(step) = self.steps.last_mut() {
            step.findings.push((holds, text));
        }
    }

    /// Records that the tour could not go on.
    pub(crate) fn stopped_by(&mut self, broken: crate::Broken) {
        let story = broken.story(&self.trial.recorder);
        if self.format == Format::Text {
            say(&format!("\n{}", timeline(&story.timeline, 80).join("\n")));
        }
        self.finding(false, format!("expected {}, observed {}", story.expected, story.observed));
    }

    /// Whether everything held.
    #[must_use]
    pub fn holds(&self) -> bool {
        let mut findings = self.steps.iter().flat_map(|step| &step.findings);
        !self.steps.is_empty() && findings.all(|(holds, _)| *holds)
    }

    /// Ends the tour: the account of everything in one line, or the JSON object.
    pub(crate) fn close(&self) {
        match self.format {
            Format::Json => say(&self.as_json().to_string()),
            Format::Text => {
                let verdict = if self.holds() { "held".green() } else { "did not hold".red() };
                let account = self.account_line();
                say(&format!("\n{} {}\n   {account}", self.name.bold(), verdict.bold()));
            }
        }
    }

    fn account_line(&self) -> String {
        let ms = |latency: Duration| format!("{:.1} ms", latency.as_secs_f64() * 1e3);
        let [p50, p99] = [0.5, 0.99].map(|share| ms(self.total.quantile(share)));
        let total = fold(&self.total.to_string(), 74).join("\n      ");
        format!("{total}\n   p50 {p50}, p99 {p99}, max {}", ms(self.total.max()))
    }

    fn as_json(&self) -> Value {
        let ms = |latency: Duration| latency.as_secs_f64() * 1e3;
        let finding = |(holds, text): &(bool, String)| json!({ "held": holds, "text": text });
        let step = |step: &Step| {
            let findings: Vec<_> = step.findings.iter().map(finding).collect();
            json!({ "title": step.title, "findings": findings })
        };
        json!({
            "tour": self.name,
            "verdict": if self.holds() { "held" } else { "broken" },
            "sent": self.total.sent,
            "answered": self.total.answered_in_all(),
            "refused": self.total.refused,
            "lost": self.total.lost(),
            "p50_ms": ms(self.total.quantile(0.5)),
            "p99_ms": ms(self.total.quantile(0.99)),
            "max_ms": ms(self.total.max()),
            "figures": self.figures,
            "steps": self.steps.iter().map(step).collect::<Vec<_>>(),
        })
    }

    pub(crate) fn print(&self, text: &str) {
        if self.format == Format::Text {
            say(text);
        }
    }
}

/// Prints a line. The reader may be gone, and the tour goes on to clean up all the same.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
