//! What a promise gets to work with: the program under test, a recording, a folder.

use std::{
    fs,
    net::TcpListener,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

use crate::{
    broken::{Broken, Kept},
    cluster::Cluster,
    distance::OTHER_END,
    recorder::Recorder,
    subject::Subject,
};

/// Limits that most promises are not about are far away. A promise that is about one of them sets it.
const FAR_AWAY: [(&str, &str); 4] = [
    ("READY_TIMEOUT_MS", "60000"),
    ("DRAIN_TIMEOUT_MS", "60000"),
    ("RESTART_DELAY_MAX_MS", "60000"),
    ("MEMORY_LIMIT_MB", "1000"),
];

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
    is_far: bool,
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
        Ok(Trial { recorder, subject, is_far: false, folder })
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
        let mut cluster = Cluster::start(&self.recorder, self.command(settings))?;
        if self.is_far {
            cluster.address.set_ip(OTHER_END);
        }
        Ok(cluster)
    }

    /// Starts the program with one setting that makes no sense. It must refuse that: end with exit
    /// code 2 before it serves, and say why.
    ///
    /// # Errors
    /// When it does anything else.
    pub fn refuses(&self, name: &str, value: &str) -> Kept {
        let setting = format!("{name}={value}");
        Cluster::refuses(&self.recorder, self.command(&[(name, value)]), &setting)
            .map_err(|broken| broken.during(&format!("with {setting}")))
    }

    /// The same with a port that is in use: this check listens there.
    ///
    /// # Errors
    /// When it does anything else, or no port is free.
    pub fn refuses_a_port_in_use(&self, name: &str) -> Kept {
        let taken =
            TcpListener::bind("127.0.0.1:0").and_then(|taken| Ok((taken.local_addr()?, taken)));
        match taken {
            Ok((address, _taken)) => self.refuses(name, &address.port().to_string()),
            Err(error) => Err(self.broken("a port that can be taken", error.to_string())),
        }
    }

    pub(crate) fn command(&self, settings: &[(&str, &str)]) -> Command {
        let mut command = self.subject.command();
        command
            .env("PORT", "0")
            .env("ADMIN_PORT", "0")
            .env("JOURNAL", self.path("journal"))
            .env("DATABASE", self.path("state.db"))
            .env("SPOOL", self.path("tasks.spool"))
            .env("HOLD_DIR", self.path("holds"))
            .env("DEPLOY_LOG", self.path("deploys.log"))
            .envs(FAR_AWAY)
            .envs(settings.iter().copied());
        let said: Vec<_> =
            settings.iter().map(|(name, value)| format!("{name}={value} ")).collect();
        self.recorder.started(format!("started {}{}", said.concat(), self.subject.name()));
        command
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
