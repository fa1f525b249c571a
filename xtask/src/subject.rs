//! The program under test: the learner's own, the solution, or any other, ready to be judged.

mod command_line;

use std::path::Path;

use anyhow::anyhow;

pub(crate) use self::command_line::{command_line, quote};
use crate::{
    cargo::{Build, BuildFailure, Built, Diagnostic, Target},
    contract::Contract,
    exit::Failure,
    own_file, scratch,
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
    /// The learner's file is not there, or isn't text: this sentence says so.
    Nothing(String),
    /// It does not compile.
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
            (_, Some(target)) => quote(&scratch::copy_of(&built.executable(&target)?)?)?,
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
    // A build in a target folder of its own is one step of a larger check, which says what it does.
    let is_told = target_dir.is_none();
    let build = Build { tree, target_dir, packages: &packages, targets, is_told };
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
    let built = build_for(workspace, topic, (exercise, source), &targets)?;
    let subject = source.subject(exercise, &built)?;
    let contract = Contract {
        binary: built.executable(&contract)?,
        workspace: workspace.clone(),
        env: String::new(),
    };
    Ok((subject, contract))
}

/// Builds `targets`, one of which may be the program of `exercise` that `source` says.
pub(crate) fn build_for(
    workspace: &Workspace,
    topic: &Topic,
    (exercise, source): (&Exercise, &Source),
    targets: &[Target],
) -> Result<Built, Unready> {
    if *source != Source::Own {
        return build(workspace, None, topic, targets)
            .map_err(|failure| whose(failure, exercise, source));
    }
    if let Some(sentence) = own_file::obstacle(workspace, exercise)? {
        return Err(Unready::Nothing(sentence));
    }
    own_file::make_visible(workspace, exercise);
    let content = own_file::content(workspace, exercise);
    let built = build(workspace, None, topic, targets)
        .map_err(|failure| whose(failure, exercise, source))?;
    if let Ok(program) = built.executable(&Target::Bin(exercise.name())) {
        // Forgotten, it is compiled once more than needed.
        let _ = own_file::remember(workspace, exercise, content, &program);
    }
    Ok(built)
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
