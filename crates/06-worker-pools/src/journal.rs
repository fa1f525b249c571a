//! JOURNAL: what workers start and finish, written by the workers themselves. It is evidence: no
//! primary can forge it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
};

use events::Pid;
use serde_json::json;

use crate::Id;

pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// A worker's journal; nothing is written without one.
pub(crate) struct Journal(Option<File>);

impl Journal {
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        path.map(open).transpose().map(Journal)
    }

    /// Appends one line with one write, so that the lines of several workers don't mix.
    pub(crate) fn note(&mut self, task: Id, attempt: u32, did: &str) {
        let Some(file) = &mut self.0 else { return };
        let line = json!({ "task": task, "attempt": attempt, "pid": Pid::own(), "did": did });
        if let Err(error) = file.write_all(format!("{line}\n").as_bytes()) {
            events::warn(format_args!("the journal can't be written: {error}"));
        }
    }
}
