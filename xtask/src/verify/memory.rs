//! What was judged as it should be, so that it is judged again only when something changed.
//!
//! Kept for each program: the reports on it, and a hash of all that they depend on. That is the
//! program itself, every source that its build and its contract are made of, the dependencies, the
//! toolchain, the promises, and the variables that change a deadline or a build.
//! The reports are compared with what is expected anew each time.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsString,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use anyhow::Context;
use events::contract::{Promise, Report};
use serde::{Deserialize, Serialize};

use super::chapter::Chapter;
use crate::{
    cargo,
    exit::Failure,
    workspace::{Workspace, target_dir},
};

/// What a build depends on beside the sources of its packages.
const SETTINGS: [&str; 5] = [
    ".cargo/config.toml",
    "Cargo.lock",
    "Cargo.toml",
    "exercises/Cargo.toml",
    "rust-toolchain.toml",
];
/// How the variables begin that change a build or a deadline.
const VARIABLES: [&str; 5] =
    ["CARGO_BUILD_", "CARGO_ENCODED_RUSTFLAGS", "CARGO_PROFILE_", "CHECK_PATIENCE", "RUSTFLAGS"];
/// What lies in a package, and goes into neither its programs nor its contract.
const APART: [&str; 9] = [
    "benches", "examples", "hints.md", "mutants", "steps", "stub.rs", "target", "tests", "tour.rs",
];

/// The memory of one chapter's programs.
pub(super) struct Memory {
    folder: PathBuf,
    /// The hash of everything but the program and its promises.
    ground: u64,
}

/// One program that is judged.
pub(super) struct Program<'a> {
    /// A name of its own in its chapter.
    pub(super) name: &'a str,
    /// The texts that it is made of.
    pub(super) made_of: [&'a str; 2],
    /// The promises that judge it.
    pub(super) promises: &'a [Promise],
}

#[derive(Serialize, Deserialize)]
struct Entry {
    key: String,
    reports: Vec<Report>,
}

/// The memory of each of `chapters`, about programs of one `kind`.
pub(super) fn of_chapters(
    workspace: &Workspace,
    chapters: &[Chapter],
    kind: &str,
) -> Result<Vec<Memory>, Failure> {
    if chapters.is_empty() {
        return Ok(Vec::new());
    }
    let packages = packages(&cargo::metadata(workspace)?);
    let toolchain = cargo::version(workspace)?;
    let folder = target_dir()?.join("verify").join(kind);
    let of = |chapter: &Chapter| {
        let ground = ground(workspace, chapter, &packages, &toolchain)?;
        Ok(Memory { folder: folder.join(chapter.exercise.name()), ground })
    };
    Ok(chapters.iter().map(of).collect::<anyhow::Result<_>>()?)
}

fn ground(
    workspace: &Workspace,
    chapter: &Chapter,
    packages: &[Package],
    toolchain: &str,
) -> anyhow::Result<u64> {
    let mut hasher = DefaultHasher::new();
    toolchain.hash(&mut hasher);
    variables().hash(&mut hasher);
    let mut files: BTreeSet<PathBuf> = SETTINGS.map(|file| workspace.at(file)).into();
    files.extend(packages.iter().map(|package| package.folder.join("Cargo.toml")));
    for package in closure(packages, chapter.topic.package) {
        collect(&package.folder, &APART, &mut files)?;
        if package.name == chapter.topic.package {
            collect(&package.folder.join("tests/contract"), &[], &mut files)?;
        }
    }
    for file in files {
        file.strip_prefix(&workspace.root).unwrap_or(&file).hash(&mut hasher);
        fs::read(&file).ok().hash(&mut hasher);
    }
    Ok(hasher.finish())
}

fn variables() -> BTreeMap<OsString, OsString> {
    let counts = |name: &OsString| {
        let name = name.to_string_lossy();
        VARIABLES.iter().any(|beginning| name.starts_with(beginning))
    };
    env::vars_os().filter(|(name, _)| counts(name)).collect()
}

impl Memory {
    /// The reports on `program`, if nothing that they depend on has changed since they were right.
    pub(super) fn recall(&self, program: &Program) -> Option<Vec<Report>> {
        let text = fs::read_to_string(self.file(program)).ok()?;
        let entry: Entry = serde_json::from_str(&text).ok()?;
        (entry.key == self.key(program)).then_some(entry.reports)
    }

    /// Remembers reports that are right. If that can't be written, the program is judged again.
    pub(super) fn remember(&self, program: &Program, reports: &[Report]) {
        let entry = Entry { key: self.key(program), reports: reports.to_vec() };
        let Ok(text) = serde_json::to_string(&entry) else { return };
        let _ = fs::create_dir_all(&self.folder).and_then(|()| fs::write(self.file(program), text));
    }

    fn file(&self, program: &Program) -> PathBuf {
        self.folder.join(format!("{}.json", program.name))
    }

    /// `DefaultHasher` is the same for every process of one toolchain, which is part of the hash.
    fn key(&self, program: &Program) -> String {
        let mut hasher = DefaultHasher::new();
        (self.ground, program.made_of).hash(&mut hasher);
        for promise in program.promises {
            promise.id.hash(&mut hasher);
        }
        format!("{:016x}", hasher.finish())
    }
}

/// A package of the workspace.
struct Package {
    name: String,
    folder: PathBuf,
    imports: Vec<String>,
}

fn packages(metadata: &serde_json::Value) -> Vec<Package> {
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let package = |package: &serde_json::Value| Package {
        name: text(&package["name"]),
        folder: Path::new(&text(&package["manifest_path"]))
            .parent()
            .unwrap_or(Path::new(""))
            .into(),
        imports: list(&package["dependencies"])
            .iter()
            .map(|import| text(&import["name"]))
            .collect(),
    };
    list(&metadata["packages"]).iter().map(package).collect()
}

/// The package `name`, and every package of the workspace that it imports, directly or not.
fn closure<'a>(packages: &'a [Package], name: &str) -> Vec<&'a Package> {
    let mut names = BTreeSet::from([name.to_owned()]);
    loop {
        let before = names.len();
        let within: Vec<&Package> =
            packages.iter().filter(|package| names.contains(&package.name)).collect();
        names.extend(within.iter().flat_map(|package| package.imports.iter().cloned()));
        if names.len() == before {
            return within;
        }
    }
}

/// All files below `folder`, without those of its own entries that are listed in `apart`.
fn collect(folder: &Path, apart: &[&str], files: &mut BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(folder);
    for entry in entries.with_context(|| format!("{} can't be read", folder.display()))? {
        let path = entry?.path();
        let is_apart = apart.iter().any(|name| path.ends_with(name));
        if path.is_dir() && !is_apart {
            collect(&path, &[], files)?;
        } else if !is_apart {
            files.insert(path);
        }
    }
    Ok(())
}
