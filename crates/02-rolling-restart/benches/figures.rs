//! The figures of guide 02: `cargo bench -p rolling-restart --bench figures`.
//!
//! How long a worker takes from its start until it is ready, how long the slot of a killed worker
//! is empty, and what a crash loop costs. In a release build, and best on an idle machine.

use std::{
    env,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use cluster_basics::worker::is_worker;
use events::{Event, Slot, WorkerEvent};
use harness::{Cluster, Kept, Signal, Trial, who};
use rolling_restart::{Config, Intents, Notice, Version, Workers};

const ROUNDS: usize = 200;
const LOOP: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // We are three programs: the report, a primary that measures, and its workers.
    if is_worker() || env::var_os("PORT").is_some() {
        return rolling_restart::run(starts);
    }
    let told = Command::new(env::current_exe().expect("we were started from a file"))
        .env("PORT", "0")
        .stdout(Stdio::null())
        .status();
    if let Err(error) = told {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    harness::measure(env!("CARGO_BIN_EXE_solution-2"), measure)
}

fn measure(trial: &Trial) -> Kept {
    deaths(trial)?;
    crash_loop(trial)
}

/// From the call that starts a worker to its word that it is ready. A primary of its own, because
/// only a primary can tell. The events go to stdout, so the figures go to stderr.
async fn starts(_config: Config, mut workers: Workers, _intents: Intents) -> ExitCode {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        workers.start_version(Slot(1), Version::FIRST);
        while !matches!(workers.next().await, Notice::Ready(_)) {}
        times.push(began.elapsed());
        let pid = workers.all()[0].pid;
        workers.kill(pid, "it was measured");
        while !matches!(workers.next().await, Notice::Exited(..)) {}
    }
    eprintln!("{}", line("from start to ready", times));
    ExitCode::SUCCESS
}

/// From a kill -9 of the only worker to the first answer of its successor.
fn deaths(trial: &Trial) -> Kept {
    let one = [("WORKERS", "1"), ("RESTART_DELAY_MS", "0")];
    let cluster = trial.start(&one)?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let (before, _) = who::meet(trial, &cluster, "/")?;
        cluster.signal_process(before.pid, Signal::SIGKILL)?;
        let killed = Instant::now();
        let next = || who::greet_one(&cluster, "/").filter(|after| after.pid != before.pid);
        processes::until(Duration::from_secs(5), next);
        times.push(killed.elapsed());
    }
    eprintln!("{}", line("from kill -9 to the next answer", times));
    Ok(())
}

/// A worker that dies 100 ms after each start, for ten seconds.
fn crash_loop(trial: &Trial) -> Kept {
    let cluster = trial.start(&[("FAULTS", "1.0.0/3:crash-after-ready:100")])?;
    let is_over = || (!cluster.is_running()).then_some(());
    processes::until(LOOP, is_over);
    let boots = boots(trial, Slot(3));
    let cpu = cpu_of(&cluster).as_secs_f64() / LOOP.as_secs_f64() * 100.0;
    eprintln!("a crash loop for {} s: {boots} boots, {cpu:.1} % of a core", LOOP.as_secs());
    Ok(())
}

fn boots(trial: &Trial, slot: Slot) -> usize {
    let entries = trial.recorder.entries();
    let last = entries.iter().rposition(|entry| entry.text.starts_with("started "));
    let events = entries[last.unwrap_or(0)..].iter().filter_map(|entry| entry.event.as_ref());
    let is_boot = |event: &&Event| matches!(event, Event::Worker(WorkerEvent::Started { id, .. }) if id.slot == slot);
    events.filter(is_boot).count()
}

/// What the primary, its workers, and those that it reaped have used (man `proc_pid_stat`).
fn cpu_of(cluster: &Cluster) -> Duration {
    let all = who::children(cluster).into_iter().chain([cluster.pid]);
    all.filter_map(processes::Stat::of).map(|stat| stat.cpu + stat.reaped_cpu).sum()
}

fn line(what: &str, mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    let (median, p99, rounds) = (at(50), at(99), times.len());
    format!("{what}: {median:.1} ms, at most {p99:.1} ms in 99 % of {rounds}")
}
