//! The runner alone is told to stop, and nothing that it started is left.

use std::process::{Child, Stdio};

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
