//! The real contract against programs that do their worst: the check ends by itself, with a story.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use predicates::{boolean::PredicateBooleanExt, str::contains};
use serde_json::Value;

use crate::sham::{SOON, Sham, exit_code, processes_of, runner, signal};

/// The first of these checks may have to build the contract.
const BUILD_AND_CHECK: Duration = Duration::from_mins(5);

/// `check exercise-1 --program` on a script with `body`, in the workbook itself.
fn check(sham: &Sham, body: &str) -> Command {
    sham.script("hostile", body);
    let mut command = Command::new(runner());
    command.args(["check", "exercise-1", "--program"]).arg(sham.path("hostile"));
    command.env("SHAM", sham.folder.path());
    command
}

#[test]
fn a_check_ends_with_a_story_whatever_the_program_does() {
    for (name, body) in [
        ("exits at once", "exit 3"),
        ("prints for ever", "while :; do echo flood flood flood flood flood; done"),
        ("crashes", "kill -SEGV $$"),
        ("leaves a grandchild", "setsid sh \"$0.child\" & exit 0"),
    ] {
        let sham = Sham::new();
        sham.script("hostile.child", "trap '' TERM; while :; do sleep 1000; done");
        let mut check = assert_cmd::Command::from_std(check(&sham, body));
        // What never comes needs no patience.
        check.env("CHECK_PATIENCE", "0.2");
        let story = contains("✗  1/").and(contains("expected")).and(contains("observed"));
        check.timeout(BUILD_AND_CHECK).assert().code(1).stdout(story);
        let left = processes_of(sham.folder.path());
        assert!(left.is_empty(), "a program that {name} left {left:?}");
    }
}

#[test]
fn a_foreign_program_is_judged_in_json_and_moves_no_progress() {
    let sham = Sham::new();
    let mut check = assert_cmd::Command::from_std(check(&sham, "exit 3"));
    let assert = check.arg("--json").timeout(BUILD_AND_CHECK).assert().code(1);
    let object: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!((&object["verdict"], &object["kept"]), (&"broken".into(), &0.into()));
    assert!(object["subject"].as_str().unwrap().ends_with("hostile"));
    assert!(!object["promises"][0]["timeline"].as_array().unwrap().is_empty());
}

#[test]
fn a_runner_that_is_stopped_or_killed_leaves_no_program_that_never_listens() {
    for name in ["TERM", "INT", "KILL"] {
        let sham = Sham::new();
        let started = sham.path("started");
        let body = format!(
            "trap '' TERM INT; echo >> {}; while :; do sleep 1000; done",
            started.display()
        );
        let mut runner = check(&sham, &body).stdout(Stdio::null()).spawn().unwrap();
        // Several promises are checked side by side, each with a program of its own.
        let are_started = || {
            let started = fs::read_to_string(&started).unwrap_or_default();
            (started.lines().count() >= 4).then_some(())
        };
        processes::until(BUILD_AND_CHECK, are_started).expect("the programs are started");
        signal(&runner, name);
        assert!(exit_code(&mut runner) > 128);
        let is_gone = || processes_of(sham.folder.path()).is_empty().then_some(());
        // Killed, the runner can't clean up: the contract sees the end of its pipe, and does.
        let limit = if name == "KILL" { SOON } else { Duration::ZERO };
        processes::until(limit, is_gone).expect("nothing outlives the runner");
    }
}
