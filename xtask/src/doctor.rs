//! `cargo xtask doctor`: what the workbook needs of the machine, and how to install what is missing.
//!
//! It looks and never touches: stray processes are named, not killed.

mod probes;
mod processes;

use colored::Colorize;

use crate::{
    exit::{Failure, Outcome, Verdict},
    terminal::{say, width},
    workspace::Workspace,
    wrap::hang,
};

/// How one thing is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Health {
    /// As it should be.
    Good,
    /// Checks work, with a limitation.
    Worse,
    /// Checks can't work.
    Missing,
}

/// What a probe found.
struct Finding {
    health: Health,
    /// What was looked at.
    name: &'static str,
    /// How it is.
    seen: String,
    /// What to do about it, unless it is good.
    fix: String,
}

impl Finding {
    fn good(name: &'static str, seen: impl Into<String>) -> Self {
        Finding { health: Health::Good, name, seen: seen.into(), fix: String::new() }
    }

    fn worse(name: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { health: Health::Worse, fix: fix.into(), ..Finding::good(name, seen) }
    }

    fn missing(name: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        Finding { health: Health::Missing, ..Finding::worse(name, seen, fix) }
    }
}

/// Looks at the machine; fails when something that is needed is missing.
pub(crate) fn doctor(workspace: &Workspace) -> Outcome {
    let findings = probes::all(workspace)?;
    for finding in &findings {
        say(line(finding));
    }
    let missing: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.health == Health::Missing)
        .map(|finding| finding.name)
        .collect();
    if missing.is_empty() {
        say("\nThis machine has what the workbook needs. Next: cargo xtask");
        return Ok(Verdict::Kept);
    }
    Err(Failure::Environment(format!(
        "\nNeeded and missing: {}. Fix it as said above, then run `cargo xtask doctor` again.",
        missing.join(", ")
    )))
}

fn line(finding: &Finding) -> String {
    let mark = match finding.health {
        Health::Good => "✓".green(),
        Health::Worse => "!".yellow().bold(),
        Health::Missing => "✗".red().bold(),
    };
    let lead = format!("{mark} {:<17}  ", finding.name);
    let text = hang(&lead, &finding.seen, width());
    if finding.fix.is_empty() {
        return text;
    }
    format!("{text}\n{}", hang(&" ".repeat(21), &finding.fix, width()))
}
