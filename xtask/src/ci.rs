//! `cargo xtask ci`: everything that must be green, in the order in which it fails fastest.
//!
//! The machine that builds every commit runs this one command, so that "works here" means "works
//! there".

use colored::Colorize;

use crate::{
    cargo,
    exit::{Outcome, Verdict},
    terminal::say,
    verify::verify_unguarded,
    workspace::Workspace,
};

/// One call of cargo.
struct Step {
    name: &'static str,
    arguments: &'static [&'static str],
    variables: &'static [(&'static str, &'static str)],
}

const STEPS: [Step; 5] = [
    Step { name: "format", arguments: &["fmt", "--all", "--check"], variables: &[] },
    Step {
        name: "lints",
        arguments: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        variables: &[],
    },
    // Tours aren't tests (`test = false`), so `--all-targets` passes them over.
    Step {
        name: "lints of tours",
        arguments: &["clippy", "--workspace", "--test", "tour", "--", "-D", "warnings"],
        variables: &[],
    },
    Step {
        name: "docs",
        arguments: &["doc", "--workspace", "--no-deps", "--document-private-items"],
        variables: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    Step { name: "tests", arguments: &["test"], variables: &[] },
];

/// Runs all steps; the first that is red ends it.
pub(crate) fn ci(workspace: &Workspace) -> Outcome {
    crate::interrupt::guard(|| {})?;
    for Step { name, arguments, variables } in STEPS {
        say(format!("{} cargo {}", name.bold(), arguments.join(" ")));
        if !cargo::succeeds(workspace, arguments, variables)? {
            say(format!("\n{name} is red; the lines above say why.").red().to_string());
            return Ok(Verdict::Broken);
        }
    }
    say("verify".bold().to_string());
    verify_unguarded(workspace)
}
