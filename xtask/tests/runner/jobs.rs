//! The runner as a job of a terminal: Ctrl-\, Ctrl-Z, and a job that is killed.
//!
//! A terminal signals a process group. So the tests do that, with the runner in a group of its own.

use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use processes::{Stat, sweep, until};

use crate::sham::{SOON, Sham, exit_code, processes_of, scripts_of};

/// Starts a job and waits until `file` is there.
fn start(sham: &Sham, line: &str, file: &str) -> Child {
    let mut command = sham.xtask();
    command.args(line.split(' ')).process_group(0).env("CHECK_PATIENCE", "0.01");
    let job = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_there = || sham.path(file).exists().then_some(());
    until(SOON, is_there).expect("the job begins its work");
    job
}

fn signal(job: &Child, signal: Signal) {
    sweep::send_to_group(job.id(), signal).unwrap();
}

/// A shell that begins a command waits for it in state D until the command's program runs. If that child
/// was stopped before, the shell can't run either.
fn is_stopped(pid: u32) -> bool {
    Stat::of(pid).is_some_and(|stat| matches!(stat.state, 'T' | 'D'))
}

fn nothing_is_left(sham: &Sham) {
    let is_gone = || processes_of(sham.folder.path()).is_empty().then_some(());
    until(SOON, is_gone).expect("nothing outlives the job");
}

/// A contract whose program runs until the pipe of the contract's process closes.
fn guards_until_the_pipe_closes(sham: &Sham) {
    sham.contract(
        "setsid $SUBJECT & subject=$!
        echo > $SHAM/begun; cat; kill -9 $subject; exit 1",
    );
}

#[test]
fn ctrl_backslash_leaves_nothing() {
    let sham = Sham::new();
    guards_until_the_pipe_closes(&sham);
    let mut job = start(&sham, "check 1", "begun");
    signal(&job, Signal::SIGQUIT);
    assert_eq!(exit_code(&mut job), 131);
    nothing_is_left(&sham);
}

#[test]
fn a_job_that_is_stopped_and_then_killed_leaves_nothing() {
    let sham = Sham::new();
    guards_until_the_pipe_closes(&sham);
    let mut job = start(&sham, "check 1", "begun");
    signal(&job, Signal::SIGSTOP);
    signal(&job, Signal::SIGKILL);
    assert_eq!(exit_code(&mut job), 137);
    nothing_is_left(&sham);
}

#[test]
fn a_verdict_that_came_while_the_job_was_stopped_counts() {
    let sham = Sham::new();
    // It judges once the job is stopped, and the runner hears of it only later.
    sham.contract(
        "echo > $SHAM/begun; until [ -e $SHAM/stopped ]; do sleep 0.01; done
        say kept; echo >> $SHAM/judged",
    );
    let mut job = start(&sham, "check 1 --only 1", "begun");
    signal(&job, Signal::SIGSTOP);
    until(SOON, || is_stopped(job.id()).then_some(())).unwrap();
    fs::write(sham.path("stopped"), "").unwrap();
    until(SOON, || sham.path("judged").exists().then_some(())).unwrap();
    // Far longer than a verdict may take with this patience.
    let since = Instant::now();
    until(SOON, || (since.elapsed() > Duration::from_secs(3)).then_some(())).unwrap();
    signal(&job, Signal::SIGCONT);
    assert_eq!(exit_code(&mut job), 0);
}

#[test]
fn ctrl_z_stops_a_tour_with_its_cluster_and_its_figures_are_not_a_verdict() {
    for (code, expected) in [(0, 0), (1, 4)] {
        let sham = Sham::new();
        sham.write("crates/01-graceful-shutdown/tour.rs", "");
        sham.script("program", "while :; do sleep 0.01; done");
        sham.script(
            "tour",
            &format!(
                "setsid $SUBJECT & echo > $SHAM/begun
                until [ -e $SHAM/go ]; do sleep 0.01; done; exit {code}"
            ),
        );
        let mut job = start(&sham, "run 01", "begun");
        signal(&job, Signal::SIGTSTP);
        let all_stop = || {
            let scripts = scripts_of(sham.folder.path());
            let all = scripts.iter().all(|pid| is_stopped(*pid)) && is_stopped(job.id());
            (all && scripts.len() >= 2).then_some(())
        };
        until(SOON, all_stop).expect("the tour and its cluster stop with the job");
        fs::write(sham.path("go"), "").unwrap();
        signal(&job, Signal::SIGCONT);
        assert_eq!(exit_code(&mut job), expected);
        nothing_is_left(&sham);
    }
}
