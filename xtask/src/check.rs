//! `cargo xtask check`: builds the program under test, has its promises judged, shows the verdict.

mod json;
mod judged;
mod pick;
mod repeat;
mod show;

use events::contract::{Promise, Report, Status};
use serde_json::Value;

use crate::{
    contract::Contract,
    exit::{Failure, Outcome, Verdict},
    interrupt,
    judge::{Plan, first_broken},
    machine, names,
    next::next_step,
    progress::Progress,
    report::Words,
    subject::{Source, Subject, Unready, prepare},
    syllabus::{Exercise, Topic, exercises},
    terminal::{say, width},
    workspace::Workspace,
};

/// What the command line asked for.
pub(crate) struct Options {
    /// The exercise, or `all`.
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Variables for the program, quoted like a command line.
    pub(crate) env: String,
    /// One promise: its number, id, or a part of it.
    pub(crate) only: Option<String>,
    pub(crate) runs: u32,
    pub(crate) keep_going: bool,
    pub(crate) json: bool,
}

/// One exercise, as it was asked for.
struct Check<'a> {
    workspace: &'a Workspace,
    topic: &'static Topic,
    exercise: &'static Exercise,
    options: &'a Options,
}

/// Checks what `options` ask for. Nothing that was started outlives this call.
pub(crate) fn check(workspace: &Workspace, options: &Options) -> Outcome {
    let wanted = wanted(workspace, options)?;
    interrupt::guard(|| {})?;
    machine::look()?;
    let mut worst = Verdict::Kept;
    let mut objects = Vec::new();
    for (topic, exercise) in wanted {
        if !options.json && !objects.is_empty() {
            say("");
        }
        let check = Check { workspace, topic, exercise, options };
        let (verdict, object) = check.run().inspect_err(|failure| check.tell(failure))?;
        worst = worst.max(verdict);
        objects.push(object);
    }
    if options.json {
        say(json::together(objects, options.name == "all", worst).to_string());
    }
    Ok(worst)
}

fn wanted(
    workspace: &Workspace,
    options: &Options,
) -> Result<Vec<(&'static Topic, &'static Exercise)>, Failure> {
    if options.name != "all" {
        return Ok(vec![names::exercise(workspace, &options.name)?]);
    }
    if options.only.is_some() || matches!(options.source, Source::Program(_)) {
        let sentence = "`all` goes with neither --only nor --program; name one exercise.";
        return Err(Failure::Usage(sentence.into()));
    }
    Ok(exercises().filter(|(topic, _)| topic.has_exercise(workspace)).collect())
}

/// Of the promise that was asked for, or of all that are needed.
fn verdict(plan: &Plan, reports: &[Report]) -> Verdict {
    let is_asked_for = |index: usize| match plan.only {
        Some(only) => only == index,
        None => !plan.promises[index].extra,
    };
    let asked_for = reports.iter().enumerate().filter(|(index, _)| is_asked_for(*index));
    let of_one = |report: &Report| match report.status {
        Status::Broken => Verdict::Broken,
        Status::Unclear => Verdict::Unclear,
        Status::Skipped if plan.only.is_some() => Verdict::Broken,
        Status::Kept | Status::Skipped | Status::NotReached | Status::Faulty => Verdict::Kept,
    };
    asked_for.map(|(_, report)| of_one(report)).max().unwrap_or(Verdict::Kept)
}

impl Check<'_> {
    fn run(&self) -> Result<(Verdict, Value), Failure> {
        let source = &self.options.source;
        let ready = prepare(self.workspace, self.topic, self.exercise, source);
        let (subject, mut contract) = match ready {
            Ok(ready) => ready,
            Err(Unready::Failed(failure)) => return Err(failure),
            Err(Unready::Nothing(sentence)) => {
                self.say(sentence.clone());
                let object = json::does_not_compile(self.exercise, source, &[&sentence]);
                return Ok((Verdict::Broken, object));
            }
            Err(Unready::DoesNotCompile { label, errors }) => {
                let text = self.words(&[]).does_not_compile(&label, &errors);
                self.say(text);
                let errors: Vec<&str> =
                    errors.iter().map(|error| error.rendered.as_str()).collect();
                let object = json::does_not_compile(self.exercise, source, &errors);
                return Ok((Verdict::Broken, object));
            }
        };
        contract.env.clone_from(&self.options.env);
        let promises = contract.catalogue()?;
        let only =
            self.options.only.as_deref().map(|part| pick::pick(&promises, part)).transpose()?;
        let plan = Plan {
            contract: &contract,
            promises: &promises,
            subject: &subject.command,
            only,
            keep_going: self.options.keep_going,
            doubts: true,
            hopeless: &[],
        };
        let words = self.words(&promises);
        self.say(words.heading());
        if self.options.runs > 1 {
            return repeat::repeat(self, &plan, &words);
        }
        self.judge(&plan, &words, &contract, &subject)
    }

    fn judge(
        &self,
        plan: &Plan,
        words: &Words,
        contract: &Contract,
        subject: &Subject,
    ) -> Result<(Verdict, Value), Failure> {
        let mut show =
            show::Show::new(words, plan.only, self.options.json, self.mutants(contract)?);
        let reports = judged::reports(plan, |index, report| show.decided(index, report))?;
        drop(show);
        if subject.warnings > 0 {
            self.say(words.warnings(subject.warnings));
        }
        self.say(self.last_word(plan, words, &reports));
        let verdict = verdict(plan, &reports);
        let source = &self.options.source;
        let object = json::checked(self.exercise, source, plan.promises, &reports, verdict);
        Ok((verdict, object))
    }

    /// What is left to say once every promise was shown, and what to do next.
    fn last_word(&self, plan: &Plan, words: &Words, reports: &[Report]) -> String {
        let progress = self.remember(plan.promises, reports);
        let is_broken = first_broken(plan.promises, reports).is_some();
        match plan.only.map(|only| reports[only].status) {
            Some(Status::Kept) => words.passed_one(),
            Some(_) => String::new(),
            None if is_broken => words.failed(reports),
            None if verdict(plan, reports) == Verdict::Unclear => words.unclear_in_all(reports),
            None => words.passed(reports, &next_step(self.workspace, &progress).command),
        }
    }

    /// Only the learner's own program moves the learner forward.
    fn remember(&self, promises: &[Promise], reports: &[Report]) -> Progress {
        if self.options.source != Source::Own {
            return Progress::load(self.workspace);
        }
        Progress::update(self.workspace, |progress| {
            progress.checked(&self.exercise.name(), promises, reports);
            true
        })
    }

    fn mutants(&self, contract: &Contract) -> Result<Vec<crate::mutants::Mutant>, Failure> {
        Ok(crate::mutants::of(&contract.workspace, self.topic)?)
    }

    fn words<'a>(&'a self, promises: &'a [Promise]) -> Words<'a> {
        Words {
            topic: self.topic,
            exercise: self.exercise,
            source: &self.options.source,
            promises,
            width: width(),
        }
    }

    /// With --json, stdout holds one object and nothing else.
    fn say(&self, text: String) {
        if !self.options.json && !text.is_empty() {
            say(text);
        }
    }

    /// With --json, a check that could not be done is an object, too.
    fn tell(&self, failure: &Failure) {
        interrupt::give_way(matches!(failure, Failure::Grader(_)));
        if self.options.json && !matches!(failure, Failure::Usage(_)) {
            say(json::failed(self.exercise, &self.options.source, failure).to_string());
        }
    }
}
