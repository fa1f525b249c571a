//! A folder for temporary files that the outermost process makes and removes.
//!
//! The processes below it are killed in the middle of their work, so they can't tidy up. The folder
//! is locked for as long as its maker lives, even by SIGKILL: the next one finds the lock free and
//! removes what was abandoned.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// How its folders begin. Nothing else in a temporary folder is ever touched.
const PREFIX: &str = "cluster-workbook-";

/// A folder of this process. Dropping it removes it with all that is in it.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Closed when this process ends, which frees the lock.
    _lock: File,
}

impl Scratch {
    /// Makes a folder in `within`, which only this user can read, and removes the folders there
    /// whose makers are gone.
    ///
    /// # Errors
    /// When `within` is not there or can't be written.
    pub fn new(within: &Path) -> io::Result<Self> {
        let scratch = Scratch::make(within)?;
        // What can't be removed takes room, and nothing more.
        let _ = scratch.remove_abandoned(within);
        Ok(scratch)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn make(within: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        let mut number = 0;
        loop {
            let path = within.join(format!("{PREFIX}{pid}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => {
                    if let Some(lock) = lock(&path)? {
                        return Ok(Scratch { path, _lock: lock });
                    }
                }
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Err(_) => {}
            }
            number += 1;
        }
    }

    fn remove_abandoned(&self, within: &Path) -> io::Result<()> {
        let me = self.path.metadata()?.uid();
        for entry in fs::read_dir(within)?.filter_map(Result::ok) {
            let is_one = entry.file_name().to_string_lossy().starts_with(PREFIX);
            // Of the entry itself: a link to a folder is not a folder of ours.
            let is_mine = |meta: fs::Metadata| meta.is_dir() && meta.uid() == me;
            if is_one && entry.metadata().is_ok_and(is_mine) {
                remove_if_abandoned(&entry.path());
            }
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Locks the new folder at `path`; `None` when another process took it for abandoned meanwhile.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let Ok(folder) = File::open(path) else { return Ok(None) };
    match folder.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        // A file system without locks: no process can lock it then, so none removes it.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    let (ours, there) = (folder.metadata()?, path.metadata());
    Ok(there.is_ok_and(|there| there.ino() == ours.ino()).then_some(folder))
}

fn remove_if_abandoned(path: &Path) {
    let Ok(folder) = File::open(path) else { return };
    if folder.try_lock().is_ok() {
        remove(path);
    }
}

/// Removes the folder at `path`, also if a program took away its own right to write there.
fn remove(path: &Path) {
    if fs::remove_dir_all(path).is_err() {
        open_up(path);
        let _ = fs::remove_dir_all(path);
    }
}

fn open_up(folder: &Path) {
    let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            open_up(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder for a test, itself a [`Scratch`].
    fn place() -> Scratch {
        Scratch::make(&std::env::temp_dir()).expect("a temporary folder can be made")
    }

    #[test]
    fn it_is_gone_with_its_maker_and_so_is_what_lies_in_it() {
        let place = place();
        let scratch = Scratch::new(place.path()).expect("a folder");
        let path = scratch.path().to_owned();
        fs::create_dir(path.join("shut")).expect("a folder");
        fs::write(path.join("shut/file"), "text").expect("a file");
        fs::set_permissions(path.join("shut"), fs::Permissions::from_mode(0o500)).expect("a mode");
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn the_next_one_removes_what_was_abandoned_and_nothing_else() {
        let place = place();
        let (living, dead) = (Scratch::new(place.path()), format!("{PREFIX}1-0"));
        let living = living.expect("a folder");
        for folder in [dead.as_str(), "of-another-program"] {
            fs::create_dir(place.path().join(folder)).expect("a folder");
        }
        let next = Scratch::new(place.path()).expect("a folder");
        assert!(living.path().exists() && next.path().exists());
        assert!(!place.path().join(&dead).exists());
        assert!(place.path().join("of-another-program").exists());
    }

    #[test]
    fn a_place_that_is_not_there_is_an_error() {
        let place = place();
        let error = Scratch::new(&place.path().join("gone")).expect_err("no such place");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
