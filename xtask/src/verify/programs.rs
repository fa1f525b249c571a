//! Right programs in other languages keep every promise. They stand beside a chapter's contract and
//! were written from PROTOCOL.md, so they prove that the page is enough, and that no check asks for
//! what only Rust does.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use super::{
    Scope,
    chapter::{Chapter, chapters},
    findings::Findings,
    judging::{Program, judge},
};
use crate::{exit::Failure, interrupt, workspace::Workspace};

/// A language, and how to find out whether it is there.
struct Language {
    /// The program that runs a file of it.
    interpreter: &'static str,
    /// The file in `tests/programs`.
    file: &'static str,
    /// What `interpreter` is asked; it succeeds when it is new enough.
    probe: [&'static str; 2],
    /// What is missing otherwise.
    wanted: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language {
        interpreter: "node",
        file: "server.mjs",
        probe: ["--eval", "process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)"],
        wanted: "Node 20 or newer",
    },
    Language {
        interpreter: "python3",
        file: "server.py",
        probe: ["-c", "import sys; sys.exit(sys.version_info < (3, 11))"],
        wanted: "Python 3.11 or newer",
    },
];

pub(super) fn verify(
    workspace: &Workspace,
    scope: Scope,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let (there, missing): (Vec<_>, Vec<_>) = LANGUAGES.iter().partition(|it| it.is_installed());
    for Language { file, wanted, .. } in missing {
        findings.remark(&format!("no {file} was judged: {wanted} is not installed"));
    }
    for chapter in chapters(workspace, |topic| scope.includes(topic))? {
        let has_program = |language: &&Language| workspace.has(language.path(&chapter));
        if !LANGUAGES.iter().any(|language| has_program(&language)) {
            let slug = chapter.topic.slug();
            let problem =
                format!("crates/{slug}/tests/programs is empty; write one from PROTOCOL.md.");
            findings.add(&format!("{slug} has a program in another language"), &[problem]);
        }
        for language in there.iter().copied().filter(has_program) {
            verify_one(&chapter, language, findings)?;
        }
    }
    Ok(())
}

fn verify_one(
    chapter: &Chapter,
    language: &Language,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let file = language.path(chapter).display().to_string();
    let promises = events::numbers::count(chapter.promises.len(), "promise");
    findings.looking_at(&format!("judging {file}"));
    let problems = judge(chapter, &language.program(chapter), findings)?;
    interrupt::end_everything();
    findings.add(&format!("{file} keeps all {promises}"), &problems);
    Ok(())
}

impl Language {
    fn is_installed(&self) -> bool {
        let mut command = Command::new(self.interpreter);
        command.args(self.probe).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn path(&self, chapter: &Chapter) -> PathBuf {
        ["crates", &chapter.topic.slug(), "tests", "programs", self.file].iter().collect()
    }

    fn program(&self, chapter: &Chapter) -> Program {
        let command = format!("{} {}", self.interpreter, self.path(chapter).display());
        let exercise = chapter.exercise.name();
        Program {
            label: self.path(chapter).display().to_string(),
            again: format!("cargo xtask check {exercise} --program \"{command}\""),
            may_lack: true,
            command,
        }
    }
}
