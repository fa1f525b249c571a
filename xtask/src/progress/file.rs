//! The progress file: read whole, changed under a lock, replaced at once, and never destroyed.
//!
//! It is written beside itself and renamed, so that an interrupt or a full disk leaves the old one
//! or the new one. What can't be understood is set aside under a name of its own.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    time::Duration,
};

use serde_json::Value;

use super::Progress;
use crate::{
    terminal::{note, width},
    workspace::Workspace,
    wrap::fit,
};

const FILE: &str = ".progress.json";
/// Written under the lock alone, so that one name is enough.
const NEW: &str = ".progress.json.new";
const CORRUPT: &str = ".progress.json.corrupt";
/// A process holds the lock for some milliseconds; a process that holds it for longer was stopped.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// What is on the disk.
enum Found {
    Progress(Progress),
    /// It can't be understood.
    Corrupt(String),
    /// It can't be read now; that says nothing of what is in it.
    Unreadable(io::Error),
}

/// The progress, or a new one while it can't be understood; the next change sets that aside.
pub(super) fn read(workspace: &Workspace) -> Progress {
    match find(workspace) {
        Found::Progress(progress) => progress,
        Found::Corrupt(_) => update(workspace, |_| false),
        Found::Unreadable(error) => {
            note(format!("Your progress in {FILE} can't be read ({error})."));
            Progress::default()
        }
    }
}

/// Changes the progress. Failing to is worth a note, and nothing more.
pub(super) fn update(
    workspace: &Workspace,
    change: impl FnOnce(&mut Progress) -> bool,
) -> Progress {
    let lock = lock(workspace);
    let (mut progress, is_safe) = match find(workspace) {
        Found::Progress(progress) => (progress, true),
        Found::Corrupt(why) => (Progress::default(), set_aside(workspace, &why)),
        Found::Unreadable(error) => {
            note(format!("Your progress in {FILE} can't be read ({error})."));
            (Progress::default(), false)
        }
    };
    if change(&mut progress) && is_safe {
        let written = lock.and_then(|lock| write(workspace, &progress).map(|()| drop(lock)));
        if let Err(error) = written {
            note(format!("Your progress could not be saved in {FILE}: {error}."));
        }
    }
    progress
}

/// Locks the workbook's folder itself: that takes no file, and a folder is never replaced.
fn lock(workspace: &Workspace) -> io::Result<File> {
    let folder = File::open(&workspace.root)?;
    // Without locks in the file system, the file is still replaced at once.
    let is_free = || (!matches!(folder.try_lock(), Err(TryLockError::WouldBlock))).then_some(());
    if processes::until(LOCK_LIMIT, is_free).is_none() {
        return Err(io::Error::other("another command holds it"));
    }
    Ok(folder)
}

fn find(workspace: &Workspace) -> Found {
    use io::ErrorKind::{InvalidData, IsADirectory, NotFound};
    match fs::read_to_string(workspace.at(FILE)) {
        Ok(text) => parse(&text),
        Err(error) => match error.kind() {
            NotFound => Found::Progress(Progress::default()),
            InvalidData | IsADirectory => Found::Corrupt(error.to_string()),
            _ => Found::Unreadable(error),
        },
    }
}

fn parse(text: &str) -> Found {
    match serde_json::from_str(text) {
        Ok(progress) => Found::Progress(progress),
        Err(error) => Found::Corrupt(match serde_json::from_str::<Value>(text) {
            Ok(_) => format!("another version of the workbook wrote it: {error}"),
            Err(_) => error.to_string(),
        }),
    }
}

fn write(workspace: &Workspace, progress: &Progress) -> io::Result<()> {
    let text = serde_json::to_string_pretty(progress)?;
    let new = workspace.at(NEW);
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    });
    let replaced = written.and_then(|()| fs::rename(&new, workspace.at(FILE)));
    if replaced.is_err() {
        let _ = fs::remove_file(&new);
    }
    replaced
}

/// Gives the file a name that no other has; whether that worked.
fn set_aside(workspace: &Workspace, why: &str) -> bool {
    let numbered = (2..).map(|number| format!("{CORRUPT}-{number}"));
    let mut names = std::iter::once(CORRUPT.to_owned()).chain(numbered);
    let Some(name) = names.find(|name| workspace.at(name).symlink_metadata().is_err()) else {
        return false;
    };
    let outcome = fs::rename(workspace.at(FILE), workspace.at(&name));
    note(match &outcome {
        Ok(()) => fit(
            &format!(
                "Your progress in {FILE} can't be read ({why}). It was set aside as {name}, and a \
                 new one begins; your exercises are untouched."
            ),
            width(),
        ),
        Err(error) => format!("Your progress in {FILE} can't be read ({why}; {error})."),
    });
    outcome.is_ok()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use tempfile::TempDir;

    use super::*;

    fn place() -> (TempDir, Workspace) {
        let folder = TempDir::new().unwrap();
        let workspace = Workspace { root: folder.path().to_owned() };
        (folder, workspace)
    }

    #[test]
    fn changes_of_many_commands_at_once_are_all_kept() {
        let (_folder, workspace) = place();
        thread::scope(|scope| {
            for number in 0..24 {
                let workspace = &workspace;
                scope.spawn(move || Progress::saw(workspace, format!("guide {number}")));
            }
        });
        assert_eq!(read(&workspace).seen.len(), 24);
    }

    #[test]
    fn what_another_version_wrote_is_kept() {
        let (_folder, workspace) = place();
        let text = r#"{"stars": 5, "exercises": {"exercise-1": {"checks": 2, "mood": "good"}}}"#;
        fs::write(workspace.at(FILE), text).unwrap();
        Progress::saw(&workspace, "guide 1".into());
        Progress::begins_anew(&workspace, "exercise-1");
        let text = fs::read_to_string(workspace.at(FILE)).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["stars"], 5);
        assert_eq!(value["exercises"]["exercise-1"]["mood"], "good");
        assert_eq!(value["exercises"]["exercise-1"]["checks"], 0);
    }

    #[test]
    fn each_file_that_can_not_be_understood_is_set_aside_under_its_own_name() {
        let (_folder, workspace) = place();
        for text in ["{", "\u{fffd}", "{\"seen\": 7}"] {
            fs::write(workspace.at(FILE), text).unwrap();
            Progress::saw(&workspace, "guide 1".into());
        }
        for (name, text) in [("", "{"), ("-2", "\u{fffd}"), ("-3", "{\"seen\": 7}")] {
            let kept = fs::read_to_string(workspace.at(format!("{CORRUPT}{name}"))).unwrap();
            assert_eq!(kept, text);
        }
        assert_eq!(read(&workspace).seen.len(), 1);
    }

    #[test]
    fn a_disk_that_takes_nothing_leaves_the_old_file_and_no_other() {
        let (_folder, workspace) = place();
        Progress::saw(&workspace, "guide 1".into());
        // Nothing can be written there, also by root.
        fs::create_dir(workspace.at(NEW)).unwrap();
        Progress::saw(&workspace, "guide 2".into());
        assert_eq!(read(&workspace).seen.len(), 1);
    }
}
