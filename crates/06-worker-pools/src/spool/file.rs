//! The lines of a spool's file: appended whole or not at all, read with care, replaced in one step.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::Id;

/// The first line of each spool. It tells a spool from any other file.
const HEADER: &str = r#"{"spool":1}"#;

/// Why a spool can't be used.
pub(super) enum Problem {
    /// The operating system refuses.
    Unusable,
    /// Another program has it.
    InUse,
    /// It is another file, or a line in its middle isn't a task.
    Damaged,
}

impl Problem {
    pub(super) fn wanted(&self) -> &'static str {
        match self {
            Problem::Unusable => "a file that can be read and written",
            Problem::InUse => "a spool that no other program uses",
            Problem::Damaged => "a spool of this program, or a file that isn't there yet",
        }
    }
}

impl From<io::Error> for Problem {
    fn from(_: io::Error) -> Self {
        Problem::Unusable
    }
}

/// Beside the spool: the spool itself is replaced now and then, and a lock stays with the old file.
pub(super) fn lock(path: &Path) -> Result<File, Problem> {
    let file = append_to(&beside(path, "lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Problem::InUse),
        Err(TryLockError::Error(_)) => Err(Problem::Unusable),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{suffix}"));
    name.into()
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).read(true).append(true).open(path)
}

/// The line that keeps the numbers of forgotten tasks from being given out again.
pub(super) fn next_of(text: &str) -> Option<Id> {
    let value: Value = serde_json::from_str(text).ok()?;
    value["next"].as_u64().map(Id)
}

/// A file of whole lines.
pub(super) struct Lines {
    file: File,
    length: u64,
    pub(super) count: u64,
    /// A line was written in part, and could not be taken back.
    is_torn: bool,
}

impl Lines {
    /// Opens the file, and returns its lines after the header. A last line without its end was never
    /// acknowledged: it is dropped.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<String>), Problem> {
        let mut file = append_to(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let header = format!("{HEADER}\n");
        let begins_so = bytes.starts_with(header.as_bytes());
        if !begins_so && !header.as_bytes().starts_with(&bytes) {
            return Err(Problem::Damaged);
        }
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
        let text = String::from_utf8(bytes[..whole].to_vec()).map_err(|_| Problem::Damaged)?;
        let texts: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
        let count = texts.len() as u64 + 1;
        let mut lines = Lines { file, length: whole as u64, count, is_torn: false };
        if whole == 0 {
            lines.append(HEADER)?;
        }
        Ok((lines, texts))
    }

    /// Appends one line. A line that could be written in part only is taken back.
    pub(super) fn append(&mut self, text: &str) -> io::Result<()> {
        if self.is_torn {
            return Err(io::Error::other("an earlier line was written in part"));
        }
        let line = format!("{text}\n");
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            self.is_torn = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        self.count += 1;
        Ok(())
    }

    /// Puts a file with these lines in the place of the old one. Whenever this process is killed, one of
    /// the two is there, and whole.
    pub(super) fn replace(path: &Path, next: Id, texts: &[&String]) -> io::Result<Self> {
        let new = beside(path, "new");
        let mut file = File::create(&new)?;
        let next = json!({ "next": next }).to_string();
        let mut lines = format!("{HEADER}\n{next}\n");
        for text in texts {
            lines.push_str(text);
            lines.push('\n');
        }
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)?;
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        let (length, count) = (lines.len() as u64, texts.len() as u64 + 2);
        Ok(Lines { file: append_to(path)?, length, count, is_torn: false })
    }
}
