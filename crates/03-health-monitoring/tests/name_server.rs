//! The name of the webhook takes minutes, and the exit does not wait for it.

use std::{process::ExitCode, time::Duration};

use events::Exit;
use harness::{Kept, Signal, Trial, patience, who::meet_all, without_names};

const WORKERS: usize = 3;
/// How long the name takes.
const NAME: Duration = Duration::from_secs(150);
/// Longer than a drain and an exit take on a busy machine, and shorter than the name takes.
const PROMPT: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    without_names(env!("CARGO_BIN_EXE_solution-3"), NAME, the_exit_waits_for_no_name)
}

fn the_exit_waits_for_no_name(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("ALERT_URL", "http://alerts.example:9000/alerts")])?;
    let met = meet_all(trial, &cluster, "/", WORKERS)?;
    let killed = met.keys().next().copied().unwrap_or_default();
    cluster.signal_process(killed, Signal::SIGKILL)?;
    let is_gone = || (!processes::is_alive(killed)).then_some(());
    let gone = processes::until(patience(PROMPT), is_gone);
    trial.expect(gone.is_some(), "the primary reaps the worker that was killed", "a zombie")?;
    // The alert says that worker died. Once there is a new one, the alert is on its way.
    meet_all(trial, &cluster, "/", WORKERS)?;
    cluster.signal(Signal::SIGTERM);
    let exit = cluster.wait_exit(PROMPT)?;
    trial.expect(exit == Exit::Code(0), "exit code 0", exit.to_string())
}
