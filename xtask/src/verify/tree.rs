//! A copy of the workbook that may be broken, with a target folder of its own.
//!
//! Only files that differ are written, so that cargo compiles only what a mutant changed.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, anyhow};

use crate::{
    cargo::{BuildFailure, Built, Target},
    exit::Failure,
    subject::build,
    syllabus::Topic,
    workspace::{Workspace, target_dir},
};

/// What a build needs, and nothing of the learner's but the exercises.
const SOURCES: [&str; 8] = [
    ".cargo",
    "Cargo.lock",
    "Cargo.toml",
    "crates",
    "exercises",
    "rust-toolchain.toml",
    "solutions",
    "xtask",
];

/// The copy.
pub(super) struct Tree {
    pub(super) workspace: Workspace,
    target: PathBuf,
    /// Where programs are set aside.
    aside: PathBuf,
}

impl Tree {
    /// Brings the copy in line with `original`.
    pub(super) fn of(original: &Workspace) -> anyhow::Result<Self> {
        let folder = target_dir()?.join("verify");
        let tree = Tree {
            workspace: Workspace { root: folder.join("tree") },
            target: folder.join("target"),
            aside: folder.join("mutants"),
        };
        remove(&tree.aside).context("old programs can't be removed")?;
        for source in SOURCES {
            tree.restore(original, source)?;
        }
        Ok(tree)
    }

    /// Makes one file or folder of the copy what it is in `original`.
    pub(super) fn restore(&self, original: &Workspace, place: &str) -> anyhow::Result<()> {
        sync(&original.at(place), &self.workspace.at(place))
            .with_context(|| format!("{place} can't be copied"))
    }

    /// Builds one binary of `topic` in the copy.
    pub(super) fn build(
        &self,
        topic: &Topic,
        target: &Target,
    ) -> Result<(Built, PathBuf), BuildFailure> {
        let targets = std::slice::from_ref(target);
        let built = build(&self.workspace, Some(&self.target), topic, targets)?;
        let executable = built.executable(target).map_err(BuildFailure::Other)?;
        Ok((built, executable))
    }

    /// Copies `program` into the folder `name`, where no later build overwrites it.
    pub(super) fn set_aside(&self, program: &Path, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.aside.join(name);
        let copy = folder.join(program.file_name().context("a program has a name")?);
        fs::create_dir_all(&folder).context("no folder for a mutant's program can be made")?;
        // Not copied by this process: another thread may be starting a process just now, which would
        // inherit the open file for a moment, and no program that is open for writing can start.
        let mut command = Command::new("cp");
        command.arg(program).arg(&copy).stdin(Stdio::null());
        let copied = processes::spawn(&mut command).and_then(|mut child| child.wait());
        if !copied.context("cp can't be started")?.success() {
            return Err(anyhow!("{} can't be copied", program.display()).into());
        }
        Ok(copy)
    }

    /// Applies `patch` to the copy; what git says when it refuses.
    pub(super) fn apply(&self, patch: &Path) -> Result<Result<(), String>, Failure> {
        let output = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(patch)
            .current_dir(&self.workspace.root)
            // Otherwise git finds the repository around the target folder, and skips its files.
            .env("GIT_CEILING_DIRECTORIES", self.workspace.root.parent().unwrap_or(Path::new("/")))
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| {
            Failure::Environment(format!("git can't be started ({error}); verify needs it."))
        })?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        Ok(Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")))
    }
}

/// Makes `to` the same as `from`, and touches nothing that is the same already.
fn sync(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        return sync_folder(from, to);
    }
    let Some(text) = read(from)? else {
        return remove(to);
    };
    if read(to)?.as_ref() == Some(&text) {
        return Ok(());
    }
    fs::write(to, text)
}

fn sync_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let wanted = names(from)?;
    for stale in names(to)?.difference(&wanted) {
        remove(&to.join(stale))?;
    }
    wanted.iter().try_for_each(|name| sync(&from.join(name), &to.join(name)))
}

/// What lies in `folder`, except for builds and what a learner set aside.
fn names(folder: &Path) -> io::Result<BTreeSet<OsString>> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
    let names: io::Result<BTreeSet<OsString>> = names.collect();
    Ok(names?.into_iter().filter(|name| name != "target" && name != "kept").collect())
}

fn read(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })
}
