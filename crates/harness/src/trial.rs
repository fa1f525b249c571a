//! What a promise gets to work with: the program under test, a recording, a folder.

use std::{
    fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{
    broken::{Broken, Kept},
    cluster::Cluster,
    recorder::Recorder,
    subject::Subject,
};

/// The folders of all trials of this process.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the folders of all trials, for a process that ends in the middle of one.
pub(crate) fn remove_folders() {
    for folder in FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // It is gone already if its trial came to its end.
        let _ = fs::remove_dir_all(folder);
    }
}

/// One check of one promise.
pub struct Trial {
    /// Everything that happens.
    pub recorder: Recorder,
    subject: Subject,
    folder: TempDir,
}

impl Trial {
    /// A trial of `subject`, recorded by `recorder`.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new(subject: Subject, recorder: Recorder) -> std::io::Result<Self> {
        let folder = tempfile::tempdir()?;
        FOLDERS.lock().unwrap_or_else(PoisonError::into_inner).push(folder.path().to_owned());
        Ok(Trial { recorder, subject, folder })
    }

    /// Starts the program with `settings` in its environment, on a port that the system chooses.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&self, settings: &[(&str, &str)]) -> Kept<Cluster> {
        let mut command = self.subject.command();
        command
            .env("PORT", "0")
            .env("ADMIN_PORT", "0")
            .env("JOURNAL", self.path("journal"))
            .envs(settings.iter().copied());
        let said: Vec<_> =
            settings.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        self.recorder.observe(format!("started {}{}", said.concat(), self.subject.name()));
        Cluster::start(&self.recorder, command)
    }

    /// A file in a folder of this trial's own.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Records `observed` and makes it the reason that the promise is broken.
    pub fn broken(&self, expected: impl Into<String>, observed: impl Into<String>) -> Broken {
        let observed = observed.into();
        let moment = self.recorder.observe(observed.clone());
        Broken::new(expected, observed).at(moment)
    }

    /// Broken with `observed` unless `is_so`.
    ///
    /// # Errors
    /// When it is not so.
    pub fn expect(
        &self,
        is_so: bool,
        expected: impl Into<String>,
        observed: impl Into<String>,
    ) -> Kept {
        if is_so { Ok(()) } else { Err(self.broken(expected, observed)) }
    }
}
