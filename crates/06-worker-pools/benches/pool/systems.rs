//! The systems, each run as a process of its own that prints one line of JSON.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;

/// The variable that tells a process of this bench what it is.
pub(crate) const ROLE: &str = "POOL_BENCH_ROLE";
pub(crate) const TASKS: &str = "POOL_BENCH_TASKS";
/// How long a task takes, in microseconds.
pub(crate) const MICROS: &str = "POOL_BENCH_MICROS";
/// The file for the line of JSON.
pub(crate) const RESULT: &str = "POOL_BENCH_RESULT";

/// How a system is started.
pub(crate) enum Kind {
    Threads,
    Ours { credit: &'static str },
    Node,
    Python { executor: &'static str },
}

/// One of them.
pub(crate) struct System {
    pub(crate) name: &'static str,
    kind: Kind,
}

pub(crate) const SYSTEMS: [System; 7] = [
    System { name: "threads, one channel", kind: Kind::Threads },
    System { name: "ours, credit 1", kind: Kind::Ours { credit: "1" } },
    System { name: "ours, credit 8", kind: Kind::Ours { credit: "8" } },
    System { name: "ours, credit 32", kind: Kind::Ours { credit: "32" } },
    System { name: "Node, fork and send", kind: Kind::Node },
    System { name: "ProcessPoolExecutor", kind: Kind::Python { executor: "executor" } },
    System { name: "multiprocessing.Pool", kind: Kind::Python { executor: "pool" } },
];

/// What is to be done.
pub(crate) struct Run {
    pub(crate) tasks: u32,
    pub(crate) length: Duration,
    pub(crate) folder: PathBuf,
    /// Each worker appends the number of each task that it has finished, on request.
    pub(crate) journal: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Figures {
    pub(crate) tasks: u32,
    /// Seconds of one task without a pool.
    pub(crate) alone: f64,
    /// Seconds of all tasks.
    pub(crate) seconds: f64,
}

impl Figures {
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.tasks) / self.seconds
    }

    pub(crate) fn share_of_ideal(&self, workers: usize) -> f64 {
        self.alone * self.rate() / f64::from(u32::try_from(workers).unwrap_or(1))
    }
}

impl System {
    pub(crate) fn file(&self) -> String {
        self.name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
    }

    pub(crate) fn is_there(&self) -> bool {
        let program = match self.kind {
            Kind::Threads | Kind::Ours { .. } => return true,
            Kind::Node => "node",
            Kind::Python { .. } => "python3",
        };
        let version = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    }

    /// Does `run`, and waits for its end.
    pub(crate) fn measure(&self, run: &Run, limit: Duration) -> Result<Figures, String> {
        let failed = |why: String| format!("{}: {why}", self.name);
        let mut child = self.start(run).map_err(|error| failed(error.to_string()))?;
        let ended = processes::until(limit, || child.try_wait().ok().flatten());
        if ended.is_none() {
            return Err(failed("it does not end".to_owned()));
        }
        let text = fs::read_to_string(run.folder.join("result"));
        let text = text.map_err(|error| failed(format!("it says nothing: {error}")))?;
        serde_json::from_str(&text).map_err(|error| failed(format!("it says {text}: {error}")))
    }

    pub(crate) fn start(&self, run: &Run) -> io::Result<Child> {
        fs::create_dir_all(&run.folder)?;
        let mut command = self.command(run)?;
        if let Some(journal) = &run.journal {
            command.env("JOURNAL", journal);
        }
        command
            .env(TASKS, run.tasks.to_string())
            .env(MICROS, run.length.as_micros().to_string())
            .env(RESULT, run.folder.join("result"))
            .env("WORKERS", crate::workers().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // What they say when a worker is killed is long, and their end is seen anyway.
            .stderr(Stdio::null());
        processes::spawn(&mut command)
    }

    fn command(&self, run: &Run) -> io::Result<Command> {
        let itself = |role: &str| {
            let mut command = Command::new(env::current_exe()?);
            command.env(ROLE, role);
            Ok::<_, io::Error>(command)
        };
        Ok(match self.kind {
            Kind::Threads => itself("threads")?,
            Kind::Ours { credit } => {
                let mut command = itself("ours")?;
                command.env("CREDIT", credit).env("PORT", "0").env("LAME_DUCK_MS", "0");
                command.env("SPOOL", run.folder.join("spool"));
                // As many as keep all workers busy; each is counted again and again.
                command.env("QUEUE_LIMIT", "64").env("RESULTS_LIMIT", "1");
                command
            }
            Kind::Node => {
                let mut command = Command::new("node");
                command.arg("-e").arg(include_str!("pool.js"));
                command
            }
            Kind::Python { executor } => {
                let mut command = Command::new("python3");
                command.arg("-c").arg(include_str!("pool.py")).arg(executor);
                command
            }
        })
    }
}
