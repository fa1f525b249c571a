//! Building the next mutant while earlier ones are judged.
//!
//! One thread builds, because all mutants are built in one tree. A judgement mostly waits, so several
//! run side by side. What they find is handed out in the order of the mutants.

use std::{
    num::NonZero,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, SyncSender, channel, sync_channel},
    },
    thread,
};

use events::contract::Report;

use super::{Case, autopsy::autopsy};
use crate::{
    cargo::{BuildFailure, first_line},
    exit::Failure,
    subject::quote,
    verify::tree::Tree,
    workspace::Workspace,
};

/// Mutants that are judged at the same time, for each core. A judgement mostly waits: over all mutants
/// of chapters 01 to 03 it keeps a core busy for less than a quarter of its time.
const FOR_EACH_CORE: usize = 4;
/// One thread builds, and can't keep more than these supplied.
const MOST: usize = 16;

/// What became of a mutant.
pub(super) enum Fate {
    /// It does not apply or does not compile.
    Unfit(String),
    /// It died as it should in an earlier run, and nothing has changed since.
    Remembered(Vec<Report>),
    /// It died as it should.
    Judged(Vec<Report>),
    /// It did not, or the grader failed: maybe because of what ran beside it. This is its program.
    Doubtful(PathBuf),
}

/// A mutant that is built and not yet judged.
struct Job {
    index: usize,
    program: PathBuf,
}

enum Prepared {
    /// It was built, and has to be judged.
    Program(PathBuf),
    /// There is nothing to judge.
    Decided(Fate),
}

type Told = (usize, Result<Fate, Failure>);

/// Builds and judges `cases`, and calls `told` with what became of each, in order.
pub(super) fn run(
    workspace: &Workspace,
    tree: &Tree,
    cases: &[Case],
    mut told: impl FnMut(usize, Fate),
) -> Result<(), Failure> {
    let (teller, fates) = channel();
    // Nothing waits in this channel: one mutant is built while the others are judged.
    let (jobs, taken) = sync_channel(0);
    let taken = Arc::new(Mutex::new(taken));
    thread::scope(|scope| {
        for _ in 0..side_by_side() {
            let (taken, teller) = (taken.clone(), teller.clone());
            scope.spawn(move || judge_all(cases, &taken, &teller));
        }
        // Once the judging threads are gone, so is their end of the channel, and building ends.
        drop(taken);
        scope.spawn(move || build_all(workspace, tree, cases, &jobs, &teller));
        in_order(cases.len(), fates, &mut told)
    })
}

fn side_by_side() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    (FOR_EACH_CORE * cores).min(MOST)
}

/// Hands out each fate once those before it are known. The first failure ends it. Then `fates` is
/// closed, and each thread ends when it next tells of a fate.
fn in_order(
    cases: usize,
    fates: Receiver<Told>,
    told: &mut impl FnMut(usize, Fate),
) -> Result<(), Failure> {
    let mut waiting: Vec<Option<Fate>> = (0..cases).map(|_| None).collect();
    let mut next = 0;
    for (index, fate) in fates {
        waiting[index] = Some(fate?);
        while let Some(fate) = waiting.get_mut(next).and_then(Option::take) {
            told(next, fate);
            next += 1;
        }
    }
    Ok(())
}

fn build_all(
    workspace: &Workspace,
    tree: &Tree,
    cases: &[Case],
    jobs: &SyncSender<Job>,
    teller: &Sender<Told>,
) {
    for (index, case) in cases.iter().enumerate() {
        let is_heard = match prepare(workspace, tree, case) {
            Ok(Prepared::Program(program)) => jobs.send(Job { index, program }).is_ok(),
            Ok(Prepared::Decided(fate)) => teller.send((index, Ok(fate))).is_ok(),
            Err(failure) => teller.send((index, Err(failure))).is_ok(),
        };
        if !is_heard {
            return;
        }
    }
}

/// Remembers a mutant, or builds it.
fn prepare(workspace: &Workspace, tree: &Tree, case: &Case) -> Result<Prepared, Failure> {
    let remembered =
        case.memory.recall(&case.program()).filter(|reports| autopsy(case, reports).is_none());
    if let Some(reports) = remembered {
        return Ok(Prepared::Decided(Fate::Remembered(reports)));
    }
    Ok(match build(workspace, tree, case)? {
        Ok(program) => Prepared::Program(program),
        Err(problem) => Prepared::Decided(Fate::Unfit(problem)),
    })
}

/// Applies and builds one mutant, and sets its program aside; or what is wrong with its patch.
fn build(
    workspace: &Workspace,
    tree: &Tree,
    case: &Case,
) -> Result<Result<PathBuf, String>, Failure> {
    let file = case.mutant.file.display();
    let solution = case.chapter.exercise.solution_file();
    // Also what the exercise gets, of its chapter or of the supervisor: the mutant before this one may have
    // changed it.
    for place in [solution.as_str(), "crates"] {
        tree.restore(workspace, place)?;
    }
    if let Err(refusal) = tree.apply(&workspace.at(&case.mutant.file))? {
        return Ok(Err(format!(
            "does not apply any more: {refusal}. Take it along: `git apply -3 {file}`, then \
             `git diff HEAD -- {solution}` is its new diff."
        )));
    }
    match tree.build(case.chapter.topic, &case.target()) {
        Ok((_, binary)) => {
            let name = format!("{}/{}", case.exercise(), case.mutant.name);
            Ok(Ok(tree.set_aside(&binary, &name)?))
        }
        Err(BuildFailure::Other(failure)) => Err(failure),
        Err(BuildFailure::Errors(errors)) => {
            Ok(Err(format!("does not compile: {}. Fix it.", first_line(&errors))))
        }
    }
}

fn judge_all(cases: &[Case], jobs: &Mutex<Receiver<Job>>, teller: &Sender<Told>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { index, program }) = job else { return };
        if teller.send((index, judge(&cases[index], program))).is_err() {
            return;
        }
    }
}

fn judge(case: &Case, program: PathBuf) -> Result<Fate, Failure> {
    let reports = case.plan(&quote(&program)?).judge_beside_others();
    match reports {
        Ok(reports) if autopsy(case, &reports).is_none() => {
            case.died_well(&program, &reports);
            Ok(Fate::Judged(reports))
        }
        Ok(_) | Err(_) => Ok(Fate::Doubtful(program)),
    }
}
