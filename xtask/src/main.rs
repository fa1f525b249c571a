//! The learner's runner, and the maintainer's checks.
//!
//! Guarantees:
//! 1. A check ends by itself, whatever the program under test does, and leaves nothing behind,
//!    also when the runner is interrupted or signalled alone.
//! 2. The exit code says who is at fault: the program (1), the command line (2), the machine (3),
//!    or the grader (4), which is never blamed on the learner.
//! 3. The learner's work is never lost: `reset` keeps it aside, progress is written atomically.
//! 4. Into a pipe go plain lines, without colour or cursor movement, at most 80 columns wide.
//!
//! Read in this order: [`cli`] (the commands), [`syllabus`] and [`names`] (what there is and what
//! it is called), [`check`] (with [`subject`], [`contract`], [`judge`] and [`report`]), then
//! whichever command you like. [`verify`] is how the workbook proves itself right.

mod cargo;
mod check;
mod ci;
mod cli;
mod contract;
mod doctor;
mod exit;
mod guide;
mod hint;
mod interrupt;
mod judge;
mod list;
mod machine;
mod markdown;
mod mutants;
mod names;
mod next;
mod own_file;
mod pager;
mod pipes;
mod progress;
mod report;
mod reset;
mod run;
mod scratch;
mod solution;
mod status;
mod subject;
mod syllabus;
mod terminal;
mod verify;
mod workspace;
mod wrap;

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use anyhow::anyhow;

use crate::{
    cli::Command,
    exit::{Failure, Outcome},
    workspace::Workspace,
};

/// What the first panic said.
static PANIC: Mutex<String> = Mutex::new(String::new());

fn main() -> ExitCode {
    terminal::decide_colours();
    // What can't be reset stays as it was inherited.
    let _ = processes::reset_signals();
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(already_told) => return already_told,
    };
    let outcome = without_panic(|| perform(command));
    interrupt::give_way(matches!(outcome, Err(Failure::Grader(_))));
    if outcome.is_err() {
        // Such as the compilers of a build that hung.
        interrupt::end_everything();
    }
    scratch::remove();
    match outcome.and_then(terminal::everything_was_said) {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            terminal::note(wrap::fit(&failure.message(), terminal::width()));
            ExitCode::from(failure.code())
        }
    }
}

/// A panic is a failure of the grader's, unless the machine explains it.
fn without_panic(perform: impl FnOnce() -> Outcome) -> Outcome {
    panic::set_hook(Box::new(|what| {
        let mut said = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_empty() {
            *said = what.to_string();
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(perform)).unwrap_or_else(|_| {
        interrupt::end_everything();
        let said = PANIC.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(machine::explain(Failure::Grader(anyhow!("{said}"))))
    })
}

fn perform(command: Command) -> Outcome {
    let workspace = Workspace::find()?;
    match command {
        Command::Status => Ok(status::status(&workspace)),
        Command::List { json } => Ok(list::list(&workspace, json)),
        Command::Run(options) => run::run(&workspace, &options),
        Command::Check(options) => check::check(&workspace, &options),
        Command::Hint { name } => hint::hint(&workspace, &name),
        Command::Guide { number, answers } => guide::guide(&workspace, number.as_deref(), answers),
        Command::Reset { name } => reset::reset(&workspace, &name),
        Command::Solution { name, spoil } => solution::solution(&workspace, &name, spoil),
        Command::Doctor => doctor::doctor(&workspace),
        Command::Verify(options) => verify::verify(&workspace, &options),
        Command::Ci => ci::ci(&workspace),
    }
}
