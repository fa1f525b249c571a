//! What a promise gets to work with: the program under test, a recording, a folder.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::{
    broken::{Broken, Kept},
    cluster::Cluster,
    distance::OTHER_END,
    recorder::Recorder,
    subject::Subject,
};

/// One check of one promise.
pub struct Trial {
    /// Everything that happens.
    pub recorder: Recorder,
    subject: Subject,
    is_far: bool,
    folder: TempDir,
}

impl Trial {
    /// A trial of `subject`, recorded by `recorder`.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn new(subject: Subject, recorder: Recorder) -> std::io::Result<Self> {
        Ok(Trial { recorder, subject, is_far: false, folder: tempfile::tempdir()? })
    }

    /// The same with clients at the other end of [`crate::distance`].
    pub(crate) fn at_a_distance(self) -> Self {
        Trial { is_far: true, ..self }
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
        self.recorder.started(format!("started {}{}", said.concat(), self.subject.name()));
        let mut cluster = Cluster::start(&self.recorder, command)?;
        if self.is_far {
            cluster.address.set_ip(OTHER_END);
        }
        Ok(cluster)
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
