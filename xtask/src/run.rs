//! `cargo xtask run`: plays the tour of an example, or of the learner's own program.
//!
//! A tour is a test target of its topic: it starts the program, puts load on it, does things to
//! it, and narrates what it measures. The runner builds both, holds the tour by a pipe, and passes
//! its exit code on.

mod stage;
mod tour;

use std::{
    process::{ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use anyhow::{Context, anyhow};

use self::tour::{spawn_in_background, tour, tour_of};

use crate::{
    exit::{Failure, Outcome, Verdict},
    interrupt, machine,
    names::{self, Runnable},
    next,
    pipes::everything,
    progress::Progress,
    subject::Source,
    syllabus::{Exercise, Topic},
    terminal::note,
    workspace::Workspace,
};

/// A tour that was told to stop drains its cluster and says so; it has this long.
const WIND_DOWN: Duration = Duration::from_secs(15);

/// A tour that no person watches ends by itself much sooner.
const LONGEST: Duration = Duration::from_mins(5);

/// What the command line asked for.
pub(crate) struct Options {
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Variables for the program, quoted like a command line.
    pub(crate) env: String,
    /// Only start the program.
    pub(crate) serve: bool,
    pub(crate) json: bool,
}

/// What a tour plays against.
struct Stage<'a> {
    workspace: &'a Workspace,
    topic: &'static Topic,
    /// The exercise behind the program, unless it is the example.
    exercise: Option<&'static Exercise>,
    source: &'a Source,
    with_tour: bool,
}

/// Runs what `options` ask for.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Outcome {
    let runnable = names::runnable(workspace, &options.name)?;
    let (topic, exercise) = match (runnable, &options.source) {
        (Runnable::Exercise(topic, exercise), _) => (topic, Some(exercise)),
        (Runnable::Example(topic), Source::Own) => (topic, None),
        (Runnable::Example(topic), _) => (topic, topic.exercise.as_ref()),
    };
    if exercise.is_none() && options.source == Source::Solution {
        let slug = topic.slug();
        let sentence =
            format!("Topic {slug} has no solution; `cargo xtask run {slug}` plays its tour.");
        return Err(Failure::Usage(sentence));
    }
    let stage = Stage {
        workspace,
        topic,
        exercise,
        source: &options.source,
        with_tour: !options.serve && topic.has_tour(workspace),
    };
    if stage.with_tour { stage.tour(options) } else { stage.serve(options) }
}

impl Stage<'_> {
    fn tour(&self, options: &Options) -> Outcome {
        let hold: Arc<Mutex<Option<(ChildStdin, u32)>>> = Arc::default();
        interrupt::guard({
            let hold = Arc::clone(&hold);
            move || wind_down(&hold)
        })?;
        machine::look()?;
        let Some((built, command)) = self.build()? else {
            return Ok(Verdict::Broken);
        };
        let binary = built.executable(&tour())?;
        if self.exercise.is_none() {
            Progress::saw(self.workspace, next::played(self.topic));
        }
        let mut tour = tour_of(self.workspace, &binary, &command, options.json)?;
        tour.env("SUBJECT_ENV", &options.env);
        let was_suspended = processes::suspend_together().context("Ctrl-Z can't be handled")?;
        let mut child = spawn_in_background(&mut tour)?;
        let pipe = child.stdin.take().context("the tour has no stdin")?;
        *hold.lock().unwrap_or_else(PoisonError::into_inner) = Some((pipe, child.id()));
        let status = child.wait().context("the tour got lost")?;
        interrupt::end_everything();
        if status.code() == Some(1) && was_suspended.load(Ordering::Relaxed) {
            let why = "Ctrl-Z stopped the tour, while clocks ran on: play it again";
            return Err(anyhow!(why).into());
        }
        if let (Some(1), Some(words)) = (status.code(), self.words()) {
            note(format!("\nSomething did not hold.\nnext   {}", words.command()));
        }
        judge(status).map_err(machine::explain)
    }

    /// Becomes the program.
    fn serve(&self, options: &Options) -> Outcome {
        interrupt::guard(|| {})?;
        if !options.serve {
            note("There is no tour here: the program runs until Ctrl-C.\n");
        }
        let Some((_, command)) = self.build()? else {
            return Ok(Verdict::Broken);
        };
        let words = shlex::split(&command).unwrap_or_default();
        let (program, arguments) = words.split_first().context("there is nothing to run")?;
        let (name, pid) = (program.rsplit('/').next().unwrap_or(program), std::process::id());
        note(format!("{name} is process {pid}; Ctrl-C stops it."));
        let mut process = Command::new(program);
        let settings = shlex::split(&options.env).unwrap_or_default();
        let pairs = settings.iter().filter_map(|setting| setting.split_once('='));
        process.args(arguments).envs(pairs);
        let error = interrupt::become_it(&mut process);
        Err(anyhow!("{program} can't be started: {error}").into())
    }
}

/// Plays a tour to its end without a person who watches; whether it held, and what it printed.
pub(crate) fn rehearse(
    workspace: &Workspace,
    topic: &'static Topic,
) -> Result<(bool, String), Failure> {
    let stage = Stage { workspace, topic, exercise: None, source: &Source::Own, with_tour: true };
    let Some((built, command)) = stage.build()? else {
        return Ok((false, String::new()));
    };
    let mut tour = tour_of(workspace, &built.executable(&tour())?, &command, true)?;
    tour.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = processes::spawn(&mut tour).context("the tour can't start")?;
    let _hold = child.stdin.take();
    let (said, complaint) = (everything(child.stdout.take()), everything(child.stderr.take()));
    let ended = processes::until(LONGEST, || child.try_wait().ok().flatten());
    let said = said.recv_timeout(WIND_DOWN).unwrap_or_default();
    let complaint = complaint.recv_timeout(WIND_DOWN).unwrap_or_default();
    Ok((ended.is_some_and(|status| status.success()), said + &complaint))
}

fn wind_down(hold: &Mutex<Option<(ChildStdin, u32)>>) {
    let taken = hold.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((pipe, pid)) = taken {
        drop(pipe);
        processes::until(WIND_DOWN, || (!processes::is_alive(pid)).then_some(()));
    }
}

fn judge(status: ExitStatus) -> Outcome {
    match status.code() {
        Some(0) => Ok(Verdict::Kept),
        Some(1) => Ok(Verdict::Broken),
        _ => Err(anyhow!("the tour itself failed ({status})").into()),
    }
}
