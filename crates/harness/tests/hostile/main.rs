//! Everything that a check starts is gone afterwards, whatever the program under test does, and
//! no program makes a check hang.
//!
//! This binary is three things: the tests, the judge that they start, and the hostile program that
//! the judge starts.

mod programs;

use std::{
    env,
    io::Read,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    time::Duration,
};

use events::contract::{Report, Status};
use harness::{Kept, Promise, Signal, Trial, patience, promise, who};
use libtest_mimic::{Arguments, Failed};
use processes::{adopt_orphans, descendants_of, end_descendants, sweep, until};

/// Short waits: each of these programs is meant to break its promise.
const PROMISES: &[Promise] = &[
    promise!(it_ends, "It listens, and SIGTERM ends it.", ""),
    promise!(it_ends_in_the_end, "It listens, and SIGTERM ends it after a while.", ""),
    promise!(both_answer, "It listens, and two processes answer.", ""),
];

fn both_answer(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    who::meet_all(trial, &cluster, "/", 2).map(drop)
}

fn it_ends(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    cluster.signal(Signal::SIGTERM);
    cluster.wait_exit(Duration::from_secs(1))?;
    cluster.wait_gone(Duration::from_secs(1))
}

/// Long enough to see what the program does with the time.
fn it_ends_in_the_end(trial: &Trial) -> Kept {
    let cluster = trial.start(&[])?;
    cluster.signal(Signal::SIGTERM);
    let ended = cluster.wait_exit(Duration::from_secs(10)).map(|_| ());
    ended.map_err(|broken| broken.advice("What does it wait for?"))
}

fn main() -> ExitCode {
    if let Ok(name) = env::var("HOSTILE").and_then(|name| env::var("PORT").map(|_| name)) {
        return programs::run(&name);
    }
    if env::var_os("CONTRACT").is_some() {
        return harness::contract("", "", PROMISES);
    }
    adopt_orphans().expect("a child subreaper");
    let mut arguments = Arguments::from_args();
    // Each test looks at all processes below this one.
    arguments.test_threads = Some(1);
    let broken = programs::ALL.iter().map(|(name, observed)| {
        let name = *name;
        libtest_mimic::Trial::test(format!("{name}_is_judged_and_gone"), move || {
            judges_and_leaves_nothing(name, observed)
        })
    });
    let interrupted = [
        libtest_mimic::Trial::test("a_judge_that_gets_sigterm_leaves_nothing", || {
            leaves_nothing_when(|judge| send(judge, Signal::SIGTERM))
        }),
        libtest_mimic::Trial::test("a_judge_that_gets_sigint_leaves_nothing", || {
            leaves_nothing_when(|judge| send(judge, Signal::SIGINT))
        }),
        libtest_mimic::Trial::test("a_judge_that_is_left_alone_leaves_nothing", || {
            leaves_nothing_when(|judge| drop(judge.stdin.take()))
        }),
    ];
    let cpu = [
        libtest_mimic::Trial::test("a_primary_that_spins_is_said_to_spin", || {
            is_told("spins", "The primary spins: it (pid ")
        }),
        libtest_mimic::Trial::test("a_primary_that_waits_is_not_said_to_spin", || {
            is_told("ignores_sigterm", "What does it wait for?")
        }),
    ];
    let all = broken.chain(interrupted).chain(cpu).collect();
    libtest_mimic::run(&arguments, all).exit_code()
}

fn judges_and_leaves_nothing(name: &str, expected: &str) -> Result<(), Failed> {
    let promise = if name.starts_with("accepts") { "both_answer" } else { "it_ends" };
    let folder = tempfile::tempdir()?;
    let report = report(name, promise, folder.path())?;
    let observed = report.story.map(|story| story.observed).unwrap_or_default();
    if report.status != Status::Broken || !observed.contains(expected) {
        return Err(format!("{:?}, and {observed:?} has no {expected:?}", report.status).into());
    }
    nothing_is_left(folder.path())
}

/// What the judge advises after it waited for the end of the program `name` begins with `beginning`.
fn is_told(name: &str, beginning: &str) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let report = report(name, "it_ends_in_the_end", folder.path())?;
    let advice = report.story.and_then(|story| story.advice).unwrap_or_default();
    if !advice.starts_with(beginning) {
        return Err(format!("{advice:?} does not begin with {beginning:?}").into());
    }
    nothing_is_left(folder.path())
}

fn report(name: &str, promise: &str, temporary: &Path) -> Result<Report, Failed> {
    let mut judge = start_judge(name, promise, temporary)?;
    let mut output = String::new();
    judge.stdout.take().ok_or("no pipe")?.read_to_string(&mut output)?;
    judge.wait()?;
    Ok(serde_json::from_str(&output)?)
}

/// Interrupts a judge whose program is running, will not end, and has children.
fn leaves_nothing_when(interrupt: impl Fn(&mut Child)) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut judge = start_judge("never_listens", "it_ends", folder.path())?;
    let me = std::process::id();
    let limit = patience(Duration::from_secs(10));
    let is_up = || (descendants_of(me).len() >= 3).then_some(());
    until(limit, is_up).ok_or("the program under test did not come up")?;
    interrupt(&mut judge);
    let ended = until(limit, || judge.try_wait().ok().flatten());
    ended.ok_or("the judge goes on")?;
    nothing_is_left(folder.path())
}

fn send(judge: &Child, signal: Signal) {
    let _ = sweep::send(judge.id(), signal);
}

fn start_judge(hostile: &str, promise: &str, temporary: &Path) -> Result<Child, Failed> {
    let me = env::current_exe()?;
    let judge = Command::new(&me)
        .env("CONTRACT", "judge")
        .env("CONTRACT_PROMISE", promise)
        .env("TMPDIR", temporary)
        .env("SUBJECT", &me)
        .env("SUBJECT_ENV", format!("HOSTILE={hostile}"))
        // Most of these make the judge wait in vain, so let it be impatient.
        .env("CHECK_PATIENCE", "0.3")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    Ok(judge)
}

/// No process, and nothing in the judge's folder for temporary files.
fn nothing_is_left(temporary: &Path) -> Result<(), Failed> {
    if let Some(entry) = temporary.read_dir()?.next() {
        return Err(format!("left behind: {}", entry?.path().display()).into());
    }
    let left = descendants_of(std::process::id());
    if left.is_empty() {
        return Ok(());
    }
    let _ = end_descendants(Duration::from_secs(5));
    Err(format!("left behind: {left:?}").into())
}
