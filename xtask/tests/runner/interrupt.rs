//! The runner alone is told to stop, and nothing that it started is left.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
};

use nix::sys::signal::{SigSet, SigmaskHow};
use predicates::{Predicate, str::contains};

use crate::sham::{SOON, Sham, exit_code, processes_of, scripts_of, signal};

/// Starts the runner and waits until `count` processes of the workbook's scripts are there.
fn start(sham: &Sham, line: &str, count: usize) -> Child {
    let mut command = sham.xtask_without_nohup();
    command.args(line.split(' ')).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let are_there = || (scripts_of(sham.folder.path()).len() >= count).then_some(());
    processes::until(SOON, are_there).expect("the runner starts what it has to");
    child
}

fn nothing_is_left(sham: &Sham) {
    let left = processes_of(sham.folder.path());
    assert!(left.is_empty(), "these outlived the runner: {left:?}");
}

#[test]
fn in_the_middle_of_a_check_whose_program_hangs() {
    for (name, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let sham = Sham::new();
        // It starts the program in a session of its own, ignores all that is said to it, and hangs.
        sham.script("program", "trap '' TERM INT HUP; while :; do sleep 1000; done");
        sham.contract("trap '' TERM INT HUP; setsid $SUBJECT & wait; sleep 1000");
        let mut runner = start(&sham, "check 1", 8);
        signal(&runner, name);
        assert_eq!(exit_code(&mut runner), code);
        nothing_is_left(&sham);
    }
}

#[test]
fn in_the_middle_of_a_build() {
    let sham = Sham::new();
    sham.script("compiler", "trap '' TERM; while :; do sleep 1000; done");
    sham.cargo(&format!("{} & wait", sham.path("compiler").display()));
    for line in ["check 1", "run 01", "run 01 --serve"] {
        let mut runner = start(&sham, line, 2);
        signal(&runner, "TERM");
        assert_eq!(exit_code(&mut runner), 143);
        nothing_is_left(&sham);
    }
}

#[test]
fn in_the_middle_of_a_tour_which_may_wind_down() {
    let sham = Sham::new();
    sham.write("crates/01-graceful-shutdown/tour.rs", "");
    let drained = sham.path("drained");
    sham.script("tour", &format!("$SUBJECT & cat; echo > {}", drained.display()));
    sham.script("program", "while :; do sleep 1000; done");
    let mut runner = start(&sham, "run 01", 2);
    signal(&runner, "TERM");
    assert_eq!(exit_code(&mut runner), 143);
    nothing_is_left(&sham);
    assert!(drained.exists(), "the tour saw the end of its pipe and wound down");
}

/// A shell can start the runner with signals ignored, and another program with signals blocked.
fn inheriting(sham: &Sham, ignored: &str, blocked: SigSet) -> Child {
    let runner = sham.xtask();
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("trap '' {ignored}; exec \"$0\" check 1")])
        .arg(runner.get_program());
    shell.envs(runner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.current_dir(sham.folder.path()).process_group(0).stdout(Stdio::piped());
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK).unwrap();
    let child = shell.spawn();
    before.thread_set_mask().unwrap();
    child.unwrap()
}

/// How it ends, and what it printed.
fn end(mut runner: Child) -> (i32, String) {
    let mut output = String::new();
    std::io::Read::read_to_string(runner.stdout.as_mut().unwrap(), &mut output).unwrap();
    (exit_code(&mut runner), output)
}

#[test]
fn with_signals_that_were_inherited_as_blocked() {
    let sham = Sham::new();
    sham.contract("trap '' TERM; setsid $SUBJECT & echo > $SHAM/begun; wait; sleep 1000");
    let mut runner = inheriting(&sham, "CHLD", SigSet::all());
    let begun = || sham.path("begun").exists().then_some(());
    processes::until(SOON, begun).expect("the check begins");
    signal(&runner, "TERM");
    assert_eq!(exit_code(&mut runner), 143);
    nothing_is_left(&sham);
}

#[test]
fn a_check_with_sigchld_ignored_and_every_signal_blocked_is_a_check() {
    let (code, output) = end(inheriting(&Sham::new(), "CHLD", SigSet::all()));
    assert!(contains("all 3 promises kept").eval(&output), "{output}");
    assert_eq!(code, 0);
}

#[test]
fn nohup_lets_a_check_go_on_when_its_terminal_is_closed() {
    let sham = Sham::new();
    sham.contract("echo > $SHAM/begun; until [ -e $SHAM/go ]; do sleep 0.01; done; say kept");
    let runner = inheriting(&sham, "HUP", SigSet::empty());
    let begun = || sham.path("begun").exists().then_some(());
    processes::until(SOON, begun).expect("the check begins");
    processes::sweep::send_to_group(runner.id(), nix::sys::signal::Signal::SIGHUP).unwrap();
    sham.write("go", "");
    let (code, output) = end(runner);
    assert!(contains("all 3 promises kept").eval(&output), "{output}");
    assert_eq!(code, 0);
}
