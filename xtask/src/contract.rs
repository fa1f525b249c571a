//! The contract of an exercise: the program that holds its promises and judges a subject by them.
//!
//! The runner never judges. It asks for the catalogue, has each promise checked in a process of
//! its own, and holds that process by a pipe: when the pipe closes, whether on purpose or because
//! we died, the process ends everything that it started.

use std::{
    env,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use events::contract::Promise;

use crate::{pipes::everything, scratch, workspace::Workspace};

/// A built contract.
pub(crate) struct Contract {
    /// Its test binary.
    pub(crate) binary: PathBuf,
    /// The folder to run it in.
    pub(crate) workspace: Workspace,
    /// The variables that the learner passes to the program, quoted like a command line.
    pub(crate) env: String,
}

impl Contract {
    /// The promises, in order, extras last.
    pub(crate) fn catalogue(&self) -> anyhow::Result<Vec<Promise>> {
        let child = processes::spawn(&mut self.command("catalogue")?);
        let mut child = child.context("the contract can't start")?;
        let _hold = child.stdin.take();
        let (said, complaint) = (everything(child.stdout.take()), everything(child.stderr.take()));
        let Ok(catalogue) = processes::hear(&said, deadline()) else {
            // It is ended with everything else when the runner ends.
            bail!("the contract does not list its promises within {} s", deadline().as_secs());
        };
        let status = child.wait().context("the contract got lost")?;
        if !status.success() {
            let complaint = complaint.recv_timeout(deadline()).unwrap_or_default();
            bail!("the contract has no catalogue ({status}):\n{complaint}");
        }
        serde_json::from_str(&catalogue).context("the contract's catalogue isn't JSON")
    }

    /// Starts the check of one promise on the program that `subject` starts, with deadlines that
    /// are `longer` times as long as usual.
    pub(crate) fn start(&self, promise: &str, subject: &str, longer: f64) -> anyhow::Result<Child> {
        let mut command = self.command("judge")?;
        command
            .env("CONTRACT_PROMISE", promise)
            .env("SUBJECT", subject)
            .env("SUBJECT_ENV", &self.env)
            .env("CHECK_PATIENCE", (patience() * longer).to_string());
        processes::spawn(&mut command).context("the contract can't start")
    }

    fn command(&self, task: &str) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.binary);
        processes::guard_of_its_own(&mut command)
            .current_dir(&self.workspace.root)
            .env("CONTRACT", task)
            // It makes a panic's text three times as long, and tells a learner nothing.
            .env_remove("RUST_BACKTRACE")
            .env("TMPDIR", scratch::temporary()?)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

/// The time that one promise may take before the grader, which has deadlines of its own, counts as
/// stuck.
pub(crate) fn deadline() -> Duration {
    Duration::from_mins(2).mul_f64(patience())
}

/// `CHECK_PATIENCE=3` makes all deadlines three times as long, for a slow machine.
pub(crate) fn patience() -> f64 {
    let wanted = env::var("CHECK_PATIENCE").ok().and_then(|text| text.parse().ok());
    wanted.filter(|factor| (0.01..=100.0).contains(factor)).unwrap_or(1.0)
}
