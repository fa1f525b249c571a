//! The house is tidy: short files, arrows that point one way, one place for versions.

use std::path::{Path, PathBuf};

use super::{arrows, findings::Findings, modules};
use crate::{cargo, exit::Failure, syllabus::TOPICS, workspace::Workspace};

const LONGEST_FILE: usize = 300;
/// A solution is one file, as the exercise is, and no line of it is made clever to fit.
const LONGEST_SOLUTION: usize = 350;

pub(super) fn verify(workspace: &Workspace, findings: &mut Findings) -> Result<(), Failure> {
    let what = format!(
        "no source file is longer than {LONGEST_FILE} lines, no solution than {LONGEST_SOLUTION}"
    );
    findings.add(&what, &long_files(workspace)?);
    let metadata = cargo::metadata(workspace)?;
    findings.add("crates import only what they may", &arrows::problems(&metadata));
    findings
        .add("modules keep to what is said that they never import", &modules::problems(workspace)?);
    findings.add("versions stand in the workspace's Cargo.toml alone", &versions(workspace)?);
    findings.add("README.md names every topic", &topics_in_readme(workspace));
    Ok(())
}

fn long_files(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in sources(workspace, &["crates", "xtask", "solutions"], "rs") {
        let lines = workspace.read(&file)?.lines().count();
        let is_solution = file.starts_with("solutions");
        if lines > if is_solution { LONGEST_SOLUTION } else { LONGEST_FILE } {
            problems.push(format!("{} has {lines} lines; split it by concept.", file.display()));
        }
    }
    Ok(problems)
}

fn versions(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for file in sources(workspace, &["crates", "xtask", "exercises"], "toml") {
        let text = workspace.read(&file)?;
        let own = own_versions(&text);
        problems.extend(
            own.into_iter()
                .map(|line| format!("{}: `{line}` must be `….workspace = true`.", file.display())),
        );
    }
    Ok(problems)
}

/// The dependency lines that do not inherit from the workspace.
fn own_versions(manifest: &str) -> Vec<&str> {
    let mut in_dependencies = false;
    let lines = manifest.lines().map(str::trim).filter(move |line| {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
            return false;
        }
        in_dependencies && !line.is_empty() && !line.starts_with('#')
    });
    lines.filter(|line| !line.replace(' ', "").contains("workspace=true")).collect()
}

fn topics_in_readme(workspace: &Workspace) -> Vec<String> {
    let text = workspace.read("README.md").unwrap_or_default();
    let missing =
        TOPICS.iter().map(crate::syllabus::Topic::slug).filter(|slug| !text.contains(slug));
    missing.map(|slug| format!("README.md does not name {slug}; add it to the table.")).collect()
}

/// All files below `folders` that end in `.ending`, relative to the workspace.
pub(super) fn sources(workspace: &Workspace, folders: &[&str], ending: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in folders {
        collect(workspace, Path::new(folder), ending, &mut files);
    }
    files.sort();
    files
}

fn collect(workspace: &Workspace, folder: &Path, ending: &str, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(workspace.at(folder)) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = folder.join(entry.file_name());
        if workspace.at(&path).is_dir() {
            collect(workspace, &path, ending, files);
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_of_its_own_is_found() {
        let manifest = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\n\
            b = { workspace = true, features = [\"x\"] }\nc = \"1\"\n[lints]\nworkspace = true\n";
        assert_eq!(own_versions(manifest), ["c = \"1\""]);
    }
}
