//! `cargo xtask solution`: the finished program, for a learner who has finished, or insists.

use colored::Colorize;

use crate::{
    exit::{Failure, Outcome, Verdict},
    names,
    progress::Progress,
    status::is_done,
    terminal::say,
    workspace::Workspace,
};

/// Prints the solution once the promises were kept, or when `spoil` is given.
pub(crate) fn solution(workspace: &Workspace, name: &str, spoil: bool) -> Outcome {
    let (_, exercise) = names::exercise(workspace, name)?;
    let name = exercise.name();
    if !spoil && !is_done(&Progress::load(workspace), exercise) {
        return Err(Failure::Usage(format!(
            "The solution shows itself once all needed promises are kept.\n\
             hint  cargo xtask hint {name}\n\
             look  cargo xtask solution {name} --spoil"
        )));
    }
    say(workspace.read(exercise.solution_file())?.trim_end());
    say(format!("\n// {}", exercise.solution_file()).dimmed().to_string());
    Ok(Verdict::Kept)
}
