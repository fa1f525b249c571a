//! A journal that acknowledges a line when it is in memory, and writes it later.
//!
//! Every service has something like it: a write-behind cache, a batch of metrics, a log that is
//! not flushed. Fast while it runs, and lost when the process ends without [`Journal::flush`].

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    mem,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The journal of one worker. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    path: Arc<PathBuf>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Journal {
    /// An empty journal that will be written to the end of `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Journal { path: Arc::new(path), lines: Arc::default() }
    }

    /// The folder that the journal's file is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Takes a line. It is in memory only.
    pub fn append(&self, line: &str) {
        let line = line.replace(['\r', '\n'], " ");
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// Writes every line that is not on disk yet, and returns how many those were.
    ///
    /// All lines go out in one appending write, because the workers share the file.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn flush(&self) -> io::Result<usize> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.is_empty() {
            return Ok(0);
        }
        let mut file = open(&self.path)?;
        file.write_all((lines.join("\n") + "\n").as_bytes())?;
        file.sync_all()?;
        // Until here an error leaves them where they are, for another try.
        Ok(mem::take(&mut *lines).len())
    }
}

/// Opens the file at `path` for lines that are added at its end.
///
/// # Errors
/// When that is impossible: the folder is missing, or the file can't be written.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
