//! The one file that a learner edits: whether it is there, is text, and is what cargo compiles.

use std::{
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{
    exit::Failure,
    syllabus::Exercise,
    workspace::{Workspace, target_dir},
};

/// What is in the place of the learner's file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    There(String),
    Gone,
    /// Not UTF-8, first in this line.
    NoText(usize),
}

/// Reads the file of `exercise`.
pub(crate) fn read(workspace: &Workspace, exercise: &Exercise) -> Result<Work, Failure> {
    let file = exercise.file();
    let bytes = match fs::read(workspace.at(&file)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Work::Gone),
        Err(error) => {
            return Err(Failure::Environment(format!(
                "{file} can't be read ({error}); check its rights."
            )));
        }
    };
    Ok(String::from_utf8(bytes).map_or_else(|error| Work::NoText(line_of(&error)), Work::There))
}

fn line_of(error: &std::string::FromUtf8Error) -> usize {
    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
    before.split(|byte| *byte == b'\n').count()
}

/// Why the file of `exercise` can't be compiled at all, and what to do.
pub(crate) fn obstacle(
    workspace: &Workspace,
    exercise: &Exercise,
) -> Result<Option<String>, Failure> {
    let (file, name) = (exercise.file(), exercise.name());
    Ok(match read(workspace, exercise)? {
        Work::There(_) => None,
        Work::Gone => Some(format!(
            "{file} is not there.\n\
             back   cargo xtask reset {name}  (the file as it was in the beginning)"
        )),
        Work::NoText(line) => Some(format!(
            "{file} is not UTF-8 text: see line {line}. Rust is written in UTF-8.\n\
             Save it as UTF-8 in your editor, then check again:  cargo xtask check {name}"
        )),
    })
}

/// What cargo compiled last.
#[derive(PartialEq, Serialize, Deserialize)]
struct Compiled {
    source: u64,
    program: PathBuf,
    made: SystemTime,
}

/// Makes cargo see a file whose content is another one although its time is older, such as a backup
/// that was moved back. Cargo compares times alone.
pub(crate) fn make_visible(workspace: &Workspace, exercise: &Exercise) {
    let file = workspace.at(exercise.file());
    if is_compiled(exercise, &file).is_none()
        && let Ok(file) = File::open(&file)
    {
        // A file that can't be touched belongs to another user, whose tools touched it.
        let _ = file.set_modified(SystemTime::now());
    }
}

fn is_compiled(exercise: &Exercise, file: &Path) -> Option<()> {
    let record: Compiled = serde_json::from_slice(&fs::read(record(exercise).ok()?).ok()?).ok()?;
    let now = compiled(file, &record.program).ok()?;
    (now == record).then_some(())
}

/// Remembers what `program` was compiled from: the file as it was before, unless it was saved
/// meanwhile.
pub(crate) fn remember(
    workspace: &Workspace,
    exercise: &Exercise,
    before: Option<u64>,
    program: &Path,
) -> anyhow::Result<()> {
    let record = record(exercise)?;
    let now = compiled(&workspace.at(exercise.file()), program)?;
    if before == Some(now.source) {
        fs::create_dir_all(record.parent().context("a file lies in a folder")?)?;
        fs::write(record, serde_json::to_vec(&now)?)?;
    }
    Ok(())
}

/// A number for the content of the file.
pub(crate) fn content(workspace: &Workspace, exercise: &Exercise) -> Option<u64> {
    hash(&workspace.at(exercise.file())).ok()
}

fn compiled(file: &Path, program: &Path) -> io::Result<Compiled> {
    let made = fs::metadata(program)?.modified()?;
    Ok(Compiled { source: hash(file)?, program: program.to_owned(), made })
}

fn hash(file: &Path) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    fs::read(file)?.hash(&mut hasher);
    Ok(hasher.finish())
}

fn record(exercise: &Exercise) -> anyhow::Result<PathBuf> {
    Ok(target_dir()?.join("judged").join(format!("{}.compiled.json", exercise.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_first_byte_that_is_not_text_is_named() {
        let error = String::from_utf8(b"// one\n// caf\xe9\n".to_vec()).unwrap_err();
        assert_eq!(line_of(&error), 2);
    }
}
