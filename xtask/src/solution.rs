//! `cargo xtask solution`: the finished program, for a learner who has finished, or insists.

use colored::Colorize;

use crate::{
    exit::{Failure, Outcome, Verdict},
    names, pager,
    progress::Progress,
    status::is_done,
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
    let file = exercise.solution_file();
    let text = workspace.read(&file)?;
    pager::show(&format!("{}\n\n{}", text.trim_end(), format!("// {file}").dimmed()));
    Ok(Verdict::Kept)
}
