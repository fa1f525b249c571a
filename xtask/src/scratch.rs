//! The folders for what a command needs only while it runs: temporary files, and copies of programs.
//!
//! The runner makes them, and removes them at the very end, because everything below it may be killed.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::Context;
use processes::Scratch;

use crate::{
    exit::{Failure, Lack},
    workspace::target_dir,
};

/// One folder for each place, made when it is first asked for.
static FOLDERS: Mutex<Vec<(PathBuf, Scratch)>> = Mutex::new(Vec::new());

/// The folder for temporary files: the `TMPDIR` of everything that is started.
pub(crate) fn temporary() -> anyhow::Result<PathBuf> {
    let place = env::temp_dir();
    folder(&place).map_err(|error| {
        let place = place.display();
        Lack(format!(
            "No temporary file can be made in {place} ({error}). Make that folder writable, or \
             name another one: TMPDIR=/path cargo xtask …"
        ))
        .into()
    })
}

/// A copy of the executable `program`: a later build, while this command still starts it, replaces the
/// original. It lies beside the original, where programs may be executed.
pub(crate) fn copy_of(program: &Path) -> Result<PathBuf, Failure> {
    let place = target_dir()?.join("judged");
    let copy = || {
        fs::create_dir_all(&place)?;
        let copy = folder(&place)?.join(program.file_name().unwrap_or_default());
        fs::copy(program, &copy).map(|_| copy)
    };
    Ok(copy().with_context(|| format!("{} can't be copied", program.display()))?)
}

/// Removes them. For the end, when nothing that uses them is left.
pub(crate) fn remove() {
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

fn folder(place: &Path) -> std::io::Result<PathBuf> {
    let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, there)) = folders.iter().find(|(of, _)| of == place) {
        return Ok(there.path().to_owned());
    }
    let made = Scratch::new(place)?;
    let path = made.path().to_owned();
    folders.push((place.to_owned(), made));
    Ok(path)
}
