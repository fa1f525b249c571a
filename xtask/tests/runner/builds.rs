//! A build that never ends: exit code 3, one sentence, and no process.

use assert_cmd::assert::Assert;
use predicates::{boolean::PredicateBooleanExt, str::contains};

use crate::sham::{SOON, Sham, processes_of};

/// Runs `line` with a cargo that does `first`, and with a hundredth of the usual limits: 6 s.
fn with_cargo(first: &str, line: &str) -> Assert {
    let sham = Sham::new();
    sham.script("build-script", "trap '' TERM; while :; do sleep 1000; done");
    sham.cargo(first);
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    command.args(line.split(' ')).env("CHECK_PATIENCE", "0.01").timeout(SOON);
    let assert = command.assert();
    let left = processes_of(sham.folder.path());
    assert!(left.is_empty(), "these outlived the runner: {left:?}");
    assert
}

#[test]
fn a_build_that_hangs_is_ended_with_all_that_it_started() {
    let hangs = "echo '   Compiling slow v1.0.0' >&2; setsid $SHAM/build-script & wait";
    let sentence = || {
        contains("cargo said nothing for 6 s after")
            .and(contains("\"Compiling slow\nv1.0.0\""))
            .and(contains("grader").not())
    };
    for line in ["check 1", "run 01"] {
        with_cargo(hangs, line).code(3).stdout("").stderr(sentence());
    }
}

#[test]
fn a_build_that_waits_for_another_one_says_so_and_does_not_wait_forever() {
    let blocks = "echo '    Blocking waiting for file lock on build directory' >&2; sleep 1000";
    let sentence = contains("Waiting for another build to finish …\n")
        .and(contains("After 6 s the runner stopped waiting for another build"));
    with_cargo(blocks, "check 1").code(3).stdout("").stderr(sentence);
}

#[test]
fn a_build_that_waits_for_a_while_goes_on() {
    let blocks = "echo '    Blocking waiting for file lock on build directory' >&2; sleep 0.1";
    with_cargo(blocks, "check 1").stdout(contains("all 3 promises kept"));
}
