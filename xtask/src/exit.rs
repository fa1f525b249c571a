//! How a command ends: five exit codes, each with one meaning.
//!
//! Scripts and editors branch on these. The one that matters most is the last: when the grader
//! itself fails, the learner is never told that their program is wrong.

use std::process::ExitCode;

/// A command that did its work says one of these, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// All is well: exit code 0.
    Kept,
    /// The machine was too busy to tell whether a promise is kept: exit code 4.
    Unclear,
    /// A promise is broken, the program does not compile, a check is red: exit code 1.
    Broken,
}

/// A command that could not do its work says why.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked for something that makes no sense: exit code 2.
    Usage(String),
    /// The machine lacks something: exit code 3.
    Environment(String),
    /// The runner or a contract is at fault: exit code 4.
    Grader(anyhow::Error),
}

/// What every command returns.
pub(crate) type Outcome = Result<Verdict, Failure>;

impl From<anyhow::Error> for Failure {
    /// Whatever was not foreseen is the grader's fault.
    fn from(error: anyhow::Error) -> Self {
        Failure::Grader(error)
    }
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Kept => ExitCode::SUCCESS,
            Verdict::Broken => ExitCode::from(1),
            Verdict::Unclear => ExitCode::from(4),
        }
    }
}

impl Verdict {
    /// Kept when `holds`, broken otherwise.
    pub(crate) fn from_holds(holds: bool) -> Self {
        if holds { Verdict::Kept } else { Verdict::Broken }
    }

    /// What a script reads.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Verdict::Kept => "kept",
            Verdict::Unclear => "unclear",
            Verdict::Broken => "broken",
        }
    }
}

impl Failure {
    /// The exit code of this failure.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Environment(_) => 3,
            Failure::Grader(_) => 4,
        }
    }

    /// What a person reads on stderr.
    pub(crate) fn message(&self) -> String {
        match self {
            Failure::Usage(sentence) | Failure::Environment(sentence) => sentence.clone(),
            Failure::Grader(error) => format!(
                "The grader itself failed; this is no verdict on your program.\n{error:#}\n\
                 Run it again, and if it persists, `cargo xtask doctor` looks at the machine."
            ),
        }
    }
}
