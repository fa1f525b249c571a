//! The program under test: the learner's own, the solution, or any other, ready to be judged.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::anyhow;

use crate::{
    cargo::{Build, BuildFailure, Built, Diagnostic, Target},
    contract::Contract,
    exit::Failure,
    syllabus::{Exercise, Topic},
    workspace::Workspace,
};

/// Where the program under test comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The learner's file in `exercises/`.
    Own,
    /// The finished one in `solutions/`.
    Solution,
    /// A command line of the user's.
    Program(String),
}

/// A program that can be started.
pub(crate) struct Subject {
    /// How a person calls it: a path in the workbook, or their command line.
    pub(crate) label: String,
    /// Its command line, each word quoted as a shell would read it.
    pub(crate) command: String,
    /// Compiler warnings of its own file.
    pub(crate) warnings: usize,
}

/// Why there is nothing to judge.
pub(crate) enum Unready {
    /// The learner's file does not compile.
    DoesNotCompile { label: String, errors: Vec<Diagnostic> },
    /// Something else.
    Failed(Failure),
}

impl From<Failure> for Unready {
    fn from(failure: Failure) -> Self {
        Unready::Failed(failure)
    }
}

impl Source {
    /// How a person calls it.
    pub(crate) fn label(&self, exercise: &Exercise) -> String {
        match self {
            Source::Own => exercise.file(),
            Source::Solution => exercise.solution_file(),
            Source::Program(line) => line.clone(),
        }
    }

    /// What cargo has to build for it.
    pub(crate) fn target(&self, exercise: &Exercise) -> Option<Target> {
        match self {
            Source::Own => Some(Target::Bin(exercise.name())),
            Source::Solution => Some(Target::Bin(exercise.solution_bin())),
            Source::Program(_) => None,
        }
    }

    /// The program itself, from `built` if it was built.
    pub(crate) fn subject(&self, exercise: &Exercise, built: &Built) -> Result<Subject, Failure> {
        let command = match (self, self.target(exercise)) {
            (Source::Program(line), _) => command_line(line)?,
            (_, Some(target)) => quote(&built.executable(&target)?)?,
            (_, None) => return Err(anyhow!("there is nothing to build").into()),
        };
        let is_own = |diagnostic: &&Diagnostic| diagnostic.target == exercise.name();
        Ok(Subject {
            label: self.label(exercise),
            command,
            warnings: built.warnings.iter().filter(is_own).count(),
        })
    }
}

/// Builds targets of `topic` or of the exercises. All builds of a topic select the same packages:
/// features are unified over them, and a different choice would compile the dependencies anew.
pub(crate) fn build(
    tree: &Workspace,
    target_dir: Option<&Path>,
    topic: &Topic,
    targets: &[Target],
) -> Result<Built, BuildFailure> {
    let packages = ["exercises", topic.package];
    let build = Build { tree, target_dir, packages: &packages, targets };
    build.run()
}

/// Builds the program and its contract together.
pub(crate) fn prepare(
    workspace: &Workspace,
    topic: &Topic,
    exercise: &Exercise,
    source: &Source,
) -> Result<(Subject, Contract), Unready> {
    if let Source::Program(line) = source {
        command_line(line)?;
    }
    let contract = Target::Test("contract".into());
    let targets: Vec<Target> =
        source.target(exercise).into_iter().chain([contract.clone()]).collect();
    let built = build(workspace, None, topic, &targets)
        .map_err(|failure| whose(failure, exercise, source))?;
    let subject = source.subject(exercise, &built)?;
    let contract = Contract { binary: built.executable(&contract)?, workspace: workspace.clone() };
    Ok((subject, contract))
}

/// An error in the learner's file is theirs; one anywhere else is ours.
pub(crate) fn whose(failure: BuildFailure, exercise: &Exercise, source: &Source) -> Unready {
    let errors = match failure {
        BuildFailure::Other(failure) => return Unready::Failed(failure),
        BuildFailure::Errors(errors) => errors,
    };
    let is_missing_linker = |error: &Diagnostic| {
        error.rendered.contains("linker `") && error.rendered.contains("not found")
    };
    if errors.iter().any(is_missing_linker) {
        return Unready::Failed(Failure::Environment(
            "The linker is missing; `cargo xtask doctor` says how to install it.".into(),
        ));
    }
    let (own, others): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| error.target == exercise.name());
    if *source == Source::Own && !own.is_empty() {
        return Unready::DoesNotCompile { label: exercise.file(), errors: own };
    }
    Unready::Failed(BuildFailure::Errors(others).into_failure())
}

/// Checks and completes a command line of the user's, who typed it in their folder; it will run at
/// the workbook's root.
pub(crate) fn command_line(line: &str) -> Result<String, Failure> {
    let usage = |sentence: String| Failure::Usage(sentence);
    let Some(words) = shlex::split(line) else {
        return Err(usage(format!("A quote in `{line}` is never closed; close it.")));
    };
    let Some(program) = words.first() else {
        return Err(usage("--program needs a command line, such as \"node server.js\".".into()));
    };
    let here = env::current_dir().unwrap_or_default();
    if find_program(program, &here).is_none() {
        return Err(usage(format!(
            "`{program}` is no program that can be started; check its path and its mode."
        )));
    }
    let words = words.iter().map(|word| from_here(word, &here));
    join(words)
}

/// A word that names a file in the user's folder names the same file from elsewhere.
fn from_here(word: &str, here: &Path) -> String {
    let path = here.join(word);
    if path.is_file() { path.display().to_string() } else { word.to_owned() }
}

/// Where the shell would find `program`: at its path, or in one of the folders of `PATH`.
fn find_program(program: &str, here: &Path) -> Option<PathBuf> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![here.join(program)]
    } else {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).map(|folder| folder.join(program)).collect()
    };
    candidates.into_iter().find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The command line that starts the executable at `path`.
pub(crate) fn quote(path: &Path) -> Result<String, Failure> {
    join([path.display().to_string()].into_iter())
}

fn join(words: impl Iterator<Item = String>) -> Result<String, Failure> {
    let words: Vec<String> = words.collect();
    let line = shlex::try_join(words.iter().map(String::as_str));
    Ok(line.map_err(|error| anyhow!("a command line can't be quoted: {error}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_can_not_be_started_is_refused_in_one_sentence() {
        for (line, sign) in [
            ("sh 'x", "never closed"),
            ("  ", "needs a command line"),
            ("no-such-program-anywhere", "no program"),
            ("/etc/passwd", "no program"),
        ] {
            let Err(Failure::Usage(sentence)) = command_line(line) else {
                panic!("`{line}` is refused");
            };
            assert!(sentence.contains(sign), "{sentence}");
        }
    }

    #[test]
    fn words_keep_their_spaces_and_files_get_their_folder() {
        let line = command_line("sh -c 'echo a b'").unwrap();
        assert_eq!(shlex::split(&line).unwrap(), ["sh", "-c", "echo a b"]);
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert_eq!(from_here("Cargo.toml", here), here.join("Cargo.toml").display().to_string());
        assert_eq!(from_here("--flag", here), "--flag");
    }
}
