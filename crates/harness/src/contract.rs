//! The `main` of a contract test.
//!
//! Run by `cargo test` it judges the reference solution, all promises, each in a process of its
//! own. The runner asks for the catalogue and for one promise at a time: `CONTRACT=catalogue`,
//! `CONTRACT=judge`. See [`events::contract`] for what is said.

use std::{
    env, io,
    path::Path,
    process::{Command, ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use events::contract::{Report, Status, Story};
use libtest_mimic::{Arguments, Failed};
use processes::Scratch;

use crate::{Trial, broken::Kept, judge::in_this_process, patience, subject::Subject};

/// What a check may use of a core, on average, before fewer of them run side by side.
const SHARE_OF_A_CORE: f64 = 0.5;
/// How much more patient the second judgement is, of a promise that broke on a busy machine.
const MORE_PATIENT: f64 = 4.0;

/// Held for reading by each judgement, and for writing by a judgement that has to be alone.
static ALONE: RwLock<()> = RwLock::new(());

/// One promise: a sentence, the passage that teaches it, and its check.
#[derive(Clone, Copy)]
pub struct Promise {
    pub(crate) path: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) anchor: &'static str,
    pub(crate) is_extra: bool,
    pub(crate) check: fn(&Trial) -> Kept,
}

impl Promise {
    /// Prefer the macro [`promise!`](crate::promise), which takes the name from the function.
    #[must_use]
    pub const fn new(
        path: &'static str,
        sentence: &'static str,
        anchor: &'static str,
        check: fn(&Trial) -> Kept,
    ) -> Self {
        Promise { path, sentence, anchor, is_extra: false, check }
    }

    /// The same, beyond what the exercise asks for.
    #[must_use]
    pub const fn extra(mut self) -> Self {
        self.is_extra = true;
        self
    }

    /// The name of its function, without the modules.
    pub(crate) fn id(&self) -> &'static str {
        self.path.rsplit("::").next().unwrap_or(self.path)
    }
}

/// A promise: `promise!(module::function, "The sentence.", "#anchor-in-the-guide")`, or with a
/// place such as `"guides/02-worker-lifecycle.md#zombies"`.
#[macro_export]
macro_rules! promise {
    ($check:path, $sentence:literal, $anchor:literal) => {
        $crate::Promise::new(stringify!($check), $sentence, $anchor, $check)
    };
}

/// Lists the promises, judges one, or runs them all against `solution`. `guide` is the path of the
/// guide that the anchors belong to, unless an anchor names another.
#[must_use]
pub fn contract(solution: &str, guide: &str, promises: &[Promise]) -> ExitCode {
    match env::var("CONTRACT").as_deref() {
        Ok("catalogue") => print_catalogue(guide, promises),
        Ok("judge") => judge_one(solution, promises),
        _ => run_all(promises),
    }
}

fn print_catalogue(guide: &str, promises: &[Promise]) -> ExitCode {
    let catalogue: Vec<_> = promises
        .iter()
        .map(|promise| events::contract::Promise {
            id: promise.id().to_owned(),
            sentence: promise.sentence.to_owned(),
            extra: promise.is_extra,
            guide: if promise.anchor.starts_with('#') {
                format!("{guide}{}", promise.anchor)
            } else {
                promise.anchor.to_owned()
            },
        })
        .collect();
    println!("{}", serde_json::to_string(&catalogue).expect("strings can be written"));
    ExitCode::SUCCESS
}

fn judge_one(solution: &str, promises: &[Promise]) -> ExitCode {
    let wanted = env::var("CONTRACT_PROMISE").unwrap_or_default();
    let Some(promise) = promises.iter().find(|promise| promise.id() == wanted) else {
        eprintln!("CONTRACT_PROMISE={wanted} names no promise of this contract");
        return ExitCode::from(4);
    };
    match Subject::from_env(solution) {
        Ok(subject) => in_this_process(promise.check, subject),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run_all(promises: &[Promise]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    let scratch = match guard_all() {
        Ok(scratch) => scratch,
        Err(error) => {
            eprintln!("can't guard what the tests start: {error}");
            return ExitCode::from(4);
        }
    };
    let folder = {
        let scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
        scratch.as_ref().map_or_else(env::temp_dir, |scratch| scratch.path().to_owned())
    };
    arguments.test_threads.get_or_insert_with(|| processes::jobs_at_a_time(SHARE_OF_A_CORE));
    let tests = promises
        .iter()
        .map(|promise| {
            let (id, folder) = (promise.id(), folder.clone());
            libtest_mimic::Trial::test(id, move || judge_in_child(id, &folder))
        })
        .collect();
    let conclusion = libtest_mimic::run(&arguments, tests);
    drop(take(&scratch));
    conclusion.exit_code()
}

/// The folder for the temporary files of all judges. A judge may be killed, so this process removes
/// the folder.
type SharedScratch = Arc<Mutex<Option<Scratch>>>;

fn guard_all() -> io::Result<SharedScratch> {
    processes::reset_signals()?;
    processes::adopt_orphans()?;
    let scratch = SharedScratch::default();
    let to_remove = scratch.clone();
    processes::on_interrupt(move || {
        let _ = processes::end_descendants(patience(Duration::from_secs(5)));
        drop(take(&to_remove));
    })?;
    let made = Scratch::new(&env::temp_dir())?;
    *scratch.lock().unwrap_or_else(PoisonError::into_inner) = Some(made);
    Ok(scratch)
}

fn take(scratch: &SharedScratch) -> Option<Scratch> {
    scratch.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Has the promise `id` judged beside others, and again alone if the machine was too busy.
fn judge_in_child(id: &str, temporary: &Path) -> Result<(), Failed> {
    let beside = ALONE.read().unwrap_or_else(PoisonError::into_inner);
    let mut report = judge(id, temporary, 1.0)?;
    drop(beside);
    if report.starvation.is_some() {
        let _alone = ALONE.write().unwrap_or_else(PoisonError::into_inner);
        report = judge(id, temporary, MORE_PATIENT)?;
    }
    match (report.status, report.story) {
        (Status::Kept | Status::Skipped, _) => Ok(()),
        (_, Some(story)) => Err(as_text(&story).into()),
        (status, None) => Err(format!("{status:?}").into()),
    }
}

/// Has a process of its own judge the promise `id`, `longer` times as patiently as usual.
fn judge(id: &str, temporary: &Path, longer: f64) -> Result<Report, Failed> {
    let mut command = Command::new(env::current_exe()?);
    processes::guard_of_its_own(&mut command)
        .env("CONTRACT", "judge")
        .env("CONTRACT_PROMISE", id)
        .env("TMPDIR", temporary)
        .env("CHECK_PATIENCE", (patience::factor() * longer).to_string())
        .stdout(Stdio::piped());
    let mut child = processes::spawn(&mut command)?;
    // Held until the child is done: to the judge its end would mean that we are gone.
    let _alive = child.stdin.take();
    let output = child.wait_with_output()?;
    let report = serde_json::from_slice(&output.stdout).map_err(|error| {
        format!("the judge ended with {} and no report: {error}", output.status)
    })?;
    Ok(report)
}

fn as_text(story: &Story) -> String {
    let timeline = events::timeline::timeline(&story.timeline, 100).join("\n");
    format!("expected  {}\nobserved  {}\n{timeline}", story.expected, story.observed)
}
