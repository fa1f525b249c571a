//! A machine that lacks something: exit code 3, and no word against the program.

use std::{
    fs::{self, File},
    process::Command,
};

use assert_cmd::assert::Assert;
use predicates::{boolean::PredicateBooleanExt, str::contains};

use crate::sham::{SOON, Sham};

/// Runs the runner behind a shell's `before`, such as `ulimit -n 40;`.
fn behind(sham: &Sham, before: &str) -> Assert {
    let runner = sham.xtask();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before} exec \"$0\" \"$@\"")]).arg(runner.get_program());
    shell.args(["check", "1"]).current_dir(sham.folder.path());
    shell.envs(runner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert_cmd::Command::from_std(shell).timeout(SOON).assert()
}

fn blames_the_machine(assert: Assert, what: &str) {
    let answer = contains("isn't a verdict on").and(contains(what));
    assert.code(3).stdout(contains("✗").not()).stderr(answer);
}

#[test]
fn no_place_for_temporary_files() {
    let sham = Sham::new();
    let place = sham.path("not-there");
    let before = format!("export TMPDIR={};", place.display());
    blames_the_machine(behind(&sham, &before), "No temporary file can be made in");
}

#[test]
fn too_few_descriptors() {
    blames_the_machine(behind(&Sham::new(), "ulimit -n 60;"), "more files can be opened");
}

#[test]
fn a_full_disk_for_temporary_files() {
    // A file that may not be larger than a MiB stands for it. SIGXFSZ is ignored: EFBIG is returned.
    let limit = "trap '' XFSZ; ulimit -f 2048;";
    blames_the_machine(behind(&Sham::new(), limit), "8 MiB can't be written");
}

#[test]
fn a_loopback_interface_that_is_down() {
    let inside = ["--map-root-user", "--net", "--"];
    let is_allowed = Command::new("unshare").args(inside).arg("true").output();
    if !is_allowed.is_ok_and(|output| output.status.success()) {
        println!("skipped: this user can't make a network namespace");
        return;
    }
    let before = format!("exec unshare {}", inside.join(" "));
    let sham = Sham::new();
    let runner = sham.xtask();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before} \"$0\" \"$@\"")]).arg(runner.get_program());
    shell.args(["check", "1"]).current_dir(sham.folder.path());
    shell.envs(runner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let assert = assert_cmd::Command::from_std(shell).timeout(SOON).assert();
    blames_the_machine(assert, "127.0.0.1 can't be connected to");
}

#[test]
fn a_machine_that_fails_in_the_middle_is_found_before_the_program_is_blamed() {
    let sham = Sham::new();
    // The place for temporary files is gone when the first promise breaks.
    let place = sham.path("tmp");
    fs::create_dir(&place).unwrap();
    sham.contract("mv $SHAM/tmp $SHAM/moved; break_it");
    let before = format!("export TMPDIR={};", place.display());
    blames_the_machine(behind(&sham, &before), "8 MiB can't be written");
}

#[test]
fn a_shortage_that_is_over_when_the_runner_looks() {
    let sham = Sham::new();
    // What a Rust program says that can start no thread.
    sham.contract("echo 'failed to spawn thread: Resource temporarily unavailable' >&2; exit 101");
    let assert = sham.run("check 1");
    blames_the_machine(assert, "ran out of processes or threads in the middle");
}

#[test]
fn output_that_does_not_arrive() {
    let sham = Sham::new();
    for line in ["check 1 --json", "list"] {
        let mut command = sham.xtask();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.args(line.split(' ')).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{line}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
    }
}

#[test]
fn the_doctor_tries_the_same() {
    let sham = Sham::new();
    sham.write("rust-toolchain.toml", "[toolchain]\nchannel = \"1.0.0\"\n");
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    let assert = command.arg("doctor").env("TMPDIR", sham.path("not-there")).timeout(SOON).assert();
    let found = contains("✗ temporary files").and(contains("✓ local ports"));
    assert.code(3).stdout(found).stderr(contains("Needed and missing"));
}

#[test]
fn a_failure_fits_in_80_columns() {
    let sham = Sham::new();
    let mut command = sham.xtask();
    let output = command.args(["check", "1"]).env("CARGO", "/no/such/cargo").output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}
