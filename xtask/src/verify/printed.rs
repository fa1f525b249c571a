//! What a guide shows as the output of a program is what that program prints.
//!
//! A block that begins with ```` ```text printed-by=PACKAGE/EXAMPLE ```` holds the output of that
//! example, to the letter. So a picture that is drawn from the code can't drift from it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;

use super::blocks::{Block, blocks};
use crate::{
    cargo::{Build, BuildFailure, Target},
    exit::Failure,
    workspace::Workspace,
};

/// What is wrong with the printed blocks of the page at `file`.
pub(super) fn problems(
    workspace: &Workspace,
    file: &Path,
    text: &str,
) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    for block in blocks(text) {
        let Some(program) = block.attribute("printed-by") else { continue };
        if let Some(problem) = problem(workspace, &block, program)? {
            problems.push(format!("{}:{} {problem}", file.display(), block.line));
        }
    }
    Ok(problems)
}

fn problem(workspace: &Workspace, block: &Block, program: &str) -> Result<Option<String>, Failure> {
    let Some((package, example)) = program.split_once('/') else {
        return Ok(Some(format!("names {program}, which isn't PACKAGE/EXAMPLE. Correct it.")));
    };
    let target = Target::Example(example.to_owned());
    let call = Build {
        tree: workspace,
        target_dir: None,
        packages: &["exercises", package],
        targets: std::slice::from_ref(&target),
        is_told: true,
    };
    let built = match call.run() {
        Ok(built) => built,
        Err(BuildFailure::Errors(_)) => {
            return Ok(Some(format!("names {program}, which does not compile. Fix it.")));
        }
        Err(BuildFailure::Other(failure)) => return Err(failure),
    };
    let output = Command::new(built.executable(&target)?)
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{program} can't be started"))?;
    let printed = String::from_utf8_lossy(&output.stdout);
    let is_same = printed.lines().map(str::trim_end).eq(block.lines.iter().map(String::as_str));
    Ok((!is_same).then(|| {
        format!(
            "is not what {program} prints. Put in its place what \
             `cargo run -q -p {package} --example {example}` says."
        )
    }))
}
