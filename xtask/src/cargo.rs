//! The only place that starts cargo.
//!
//! A build says what it is doing once it takes more than a second, finds the executables in
//! cargo's own messages (never by a pattern of file names: old builds leave theirs behind), and
//! keeps the compiler's complaints apart by target, so that a learner sees only their own.

mod failure;
mod messages;
mod narration;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, anyhow};
use colored::control::SHOULD_COLORIZE;

pub(crate) use self::messages::Diagnostic;
use self::{
    failure::{explain, missing_cargo},
    messages::{Message, Stream},
    narration::Narration,
};
use crate::{exit::Failure, interrupt, workspace::Workspace};

/// Something to build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    Bin(String),
    Example(String),
    Test(String),
}

/// One run of `cargo build`.
pub(crate) struct Build<'a> {
    /// The tree whose sources are compiled.
    pub(crate) tree: &'a Workspace,
    /// Where to build, unless in the tree's own target folder.
    pub(crate) target_dir: Option<&'a Path>,
    /// The packages that features are unified over. The same for all builds of one exercise, or
    /// each would compile the dependencies anew.
    pub(crate) packages: &'a [&'a str],
    /// What to build of them.
    pub(crate) targets: &'a [Target],
    /// Whether to say what is compiled.
    pub(crate) is_told: bool,
}

/// What a build made.
#[derive(Default)]
pub(crate) struct Built {
    executables: BTreeMap<Target, PathBuf>,
    /// The compiler's warnings.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// Why a build made nothing.
pub(crate) enum BuildFailure {
    /// The compiler refused these.
    Errors(Vec<Diagnostic>),
    /// Cargo could not do its work.
    Other(Failure),
}

impl BuildFailure {
    /// The failure for code that no learner writes: an error in it is the workbook's fault.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            BuildFailure::Other(failure) => failure,
            BuildFailure::Errors(errors) => {
                let text: Vec<String> = errors.into_iter().map(|error| error.rendered).collect();
                anyhow!("the workbook's own code does not compile:\n{}", text.join("\n")).into()
            }
        }
    }
}

impl Built {
    /// The executable of `target`.
    pub(crate) fn executable(&self, target: &Target) -> Result<PathBuf, Failure> {
        let found = self.executables.get(target).cloned();
        Ok(found.with_context(|| format!("cargo built no executable for {target:?}"))?)
    }
}

impl Build<'_> {
    /// Builds, and says so if it takes a while and is told.
    pub(crate) fn run(&self) -> Result<Built, BuildFailure> {
        let mut child = self.start().map_err(BuildFailure::Other)?;
        let mut narration = Narration::new(self.is_told);
        let mut built = Built::default();
        let mut errors = Vec::new();
        let mut complaints = Vec::new();
        for message in Stream::of(&mut child, &mut narration) {
            match message {
                Message::Made(target, path) => drop(built.executables.insert(target, path)),
                Message::Warning(warning) => built.warnings.push(warning),
                Message::Error(error) => errors.push(error),
                Message::Complaint(line) => complaints.push(line),
                Message::Hangs(hang) => {
                    end(&mut child);
                    return Err(BuildFailure::Other(hang.failure(complaints.last())));
                }
            }
        }
        let status = child.wait().context("cargo got lost");
        let status = status.map_err(|error| BuildFailure::Other(error.into()))?;
        if status.success() {
            return Ok(built);
        }
        if errors.is_empty() {
            return Err(BuildFailure::Other(explain(&complaints.join("\n"))));
        }
        Err(BuildFailure::Errors(errors))
    }

    fn start(&self) -> Result<Child, Failure> {
        let format = if SHOULD_COLORIZE.should_colorize() {
            "--message-format=json-diagnostic-rendered-ansi"
        } else {
            "--message-format=json"
        };
        let mut command = cargo(self.tree);
        command.args(["build", format]);
        for package in self.packages {
            command.args(["--package", package]);
        }
        for target in self.targets {
            match target {
                Target::Bin(name) => command.args(["--bin", name]),
                Target::Example(name) => command.args(["--example", name]),
                Target::Test(name) => command.args(["--test", name]),
            };
        }
        if let Some(target_dir) = self.target_dir {
            command.arg("--target-dir").arg(target_dir);
        }
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        processes::spawn(&mut command).map_err(|error| missing_cargo(&error))
    }
}

/// Ends a cargo that hangs. What it started becomes ours, and ends with this process.
fn end(cargo: &mut Child) {
    // Both fail only if it is gone already.
    let _ = cargo.kill();
    let _ = cargo.wait();
}

/// What the first of `diagnostics` says, without the lines that show where.
pub(crate) fn first_line<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>) -> String {
    let first = diagnostics.into_iter().next();
    let line = first.and_then(|diagnostic| diagnostic.rendered.lines().next());
    line.unwrap_or("the compiler does not say why").to_owned()
}

/// Runs cargo with `arguments` in the foreground and answers whether it succeeded.
pub(crate) fn succeeds(
    tree: &Workspace,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> Result<bool, Failure> {
    let variables = variables.iter().copied();
    let child = processes::spawn(cargo(tree).args(arguments).envs(variables));
    let status = child.and_then(|mut child| child.wait());
    let status = status.map_err(|error| missing_cargo(&error))?;
    interrupt::give_way(!status.success());
    Ok(status.success())
}

/// What cargo knows about the packages of the workspace.
pub(crate) fn metadata(tree: &Workspace) -> Result<serde_json::Value, Failure> {
    let output = cargo(tree)
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()
        .map_err(|error| missing_cargo(&error))?;
    if !output.status.success() {
        return Err(explain(&String::from_utf8_lossy(&output.stderr)));
    }
    Ok(serde_json::from_slice(&output.stdout).context("cargo's metadata isn't JSON")?)
}

/// The version of cargo, and with it of the toolchain.
pub(crate) fn version(tree: &Workspace) -> Result<String, Failure> {
    let output = cargo(tree).arg("-vV").output().map_err(|error| missing_cargo(&error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Cargo, as it was started for us, at the root of `tree`.
fn cargo(tree: &Workspace) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(&tree.root).env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}
