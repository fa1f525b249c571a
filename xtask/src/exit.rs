//! How a command ends: five exit codes, each with one meaning.
//!
//! Scripts and editors branch on these. The last one matters most: when the grader
//! itself fails, the learner is never told that their program is wrong.

use std::{fmt, io, process::ExitCode};

use nix::errno::Errno;

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

/// Something that the machine lacks, on its way up as an error.
#[derive(Debug)]
pub(crate) struct Lack(pub(crate) String);

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Lack {}

impl From<anyhow::Error> for Failure {
    /// A file system, a limit or a right that stands in the way is the machine's; whatever was not
    /// foreseen is the grader's fault.
    fn from(error: anyhow::Error) -> Self {
        if let Some(lack) = error.downcast_ref::<Lack>() {
            return Failure::Environment(lack.0.clone());
        }
        let mut of_io = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
        if of_io.any(is_of_the_machine) {
            let look = "`cargo xtask doctor` looks at the machine.";
            return Failure::Environment(format!("{error:#}.\n{look}"));
        }
        Failure::Grader(error)
    }
}

/// Whether such an error comes of a full disk, a read-only one, a missing right, or a limit.
pub(crate) fn is_of_the_machine(error: &io::Error) -> bool {
    use Errno::{EACCES, EAGAIN, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS};
    const THEIRS: [Errno; 9] =
        [EACCES, EAGAIN, EDQUOT, EMFILE, ENFILE, ENOMEM, ENOSPC, EPERM, EROFS];
    error.raw_os_error().is_some_and(|number| THEIRS.contains(&Errno::from_raw(number)))
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
                "The grader itself failed; this isn't a verdict on your program.\n{error:#}\n\
                 Run it again, and if it persists, `cargo xtask doctor` looks at the machine."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn a_full_disk_is_the_machines_and_a_bug_is_the_graders() {
        let code = |errno: Errno| {
            let failed: Result<(), io::Error> = Err(errno.into());
            Failure::from(failed.context("x can't be written").unwrap_err()).code()
        };
        assert_eq!(code(Errno::ENOSPC), 3);
        assert_eq!(code(Errno::EMFILE), 3);
        assert_eq!(code(Errno::EINVAL), 4);
        let lack = Failure::from(anyhow::Error::from(Lack("No ports.".into())));
        assert_eq!((lack.code(), lack.message().as_str()), (3, "No ports."));
    }
}
