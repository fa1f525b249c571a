//! The learner's file: lost, in another encoding, moved back, or saved while it is judged.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use predicates::{boolean::PredicateBooleanExt, str::contains};

use crate::sham::Sham;

const FILE: &str = "exercises/exercise-1.rs";

#[test]
fn a_file_that_was_deleted_is_missed_and_reset_brings_it_back() {
    let sham = Sham::new();
    fs::remove_file(sham.path(FILE)).unwrap();
    let answer = || {
        contains("exercises/exercise-1.rs is not there.")
            .and(contains("back   cargo xtask reset exercise-1"))
    };
    sham.run("check 1").code(1).stdout(answer());
    sham.run("run exercise-1").code(1).stderr(answer());
    sham.run("check 1 --json").code(1).stdout(contains("does_not_compile"));
    sham.run("hint 1").success().stdout(contains("Look at main."));
    sham.run("list").success().stdout(contains("exercises/exercise-1.rs"));
    sham.run("check 1 --solution").success();
    sham.run("reset 1").success().stdout(contains("is back, as it was in the beginning"));
    assert_eq!(sham.read(FILE), "// the stub\n");
}

#[test]
fn a_file_in_another_encoding_gets_a_sentence_and_is_kept_by_reset() {
    let sham = Sham::new();
    let latin_1 = b"// the stub\n// caf\xe9\n";
    fs::write(sham.path(FILE), latin_1).unwrap();
    let answer = contains("is not UTF-8 text: see line 2.");
    sham.run("check 1").code(1).stdout(answer).stderr("");
    sham.run("reset 1").success();
    let kept = fs::read_dir(sham.path("exercises/kept")).unwrap().next().unwrap().unwrap();
    assert_eq!(fs::read(kept.path()).unwrap(), latin_1);
}

#[test]
fn a_file_that_can_not_be_read_is_the_machines() {
    let sham = Sham::new();
    fs::remove_file(sham.path(FILE)).unwrap();
    fs::create_dir(sham.path(FILE)).unwrap();
    sham.run("check 1").code(3).stderr(contains("exercises/exercise-1.rs can't be read"));
    sham.run("reset 1").code(3).stderr(contains("so nothing"));
}

#[test]
fn a_full_disk_takes_nothing_away() {
    let sham = Sham::new();
    sham.write(FILE, "// my work\n");
    // Nothing can be kept there, also by root.
    sham.write("exercises/kept", "a file in the place of the folder");
    sham.run("reset 1").code(4).stdout("");
    assert_eq!(sham.read(FILE), "// my work\n");
}

#[test]
fn a_backup_that_was_moved_back_is_compiled_although_it_is_older() {
    let sham = Sham::new();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 30);
    let age = || {
        let file = File::options().write(true).open(sham.path(FILE)).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    let modified = || fs::metadata(sham.path(FILE)).unwrap().modified().unwrap();
    sham.write(FILE, "// my work\n");
    sham.run("check 1").success();
    age();
    sham.run("check 1").success();
    assert_eq!(modified(), long_ago, "what is compiled already is left alone");
    sham.write(FILE, "// my backup\n");
    age();
    sham.run("check 1").success();
    assert!(modified() > long_ago, "cargo looks at the time alone");
    // Compiled by hand meanwhile, perhaps from another source.
    age();
    sham.script("program", "exec sleep 1001");
    sham.run("check 1").success();
    assert!(modified() > long_ago);
}

#[test]
fn a_build_during_a_check_does_not_replace_the_program_that_is_judged() {
    let sham = Sham::new();
    sham.contract(
        "echo '#!/bin/false' > $SHAM/program
        grep -q 'sleep 1000' $SUBJECT && say kept || break_it",
    );
    sham.run("check 1").success();
    sham.write("crates/01-graceful-shutdown/tour.rs", "");
    sham.script("program", "exec sleep 1000");
    sham.script("tour", "echo > $SHAM/program; grep -q 'sleep 1000' $SUBJECT");
    sham.run("run exercise-1").success();
}

#[test]
fn an_exercise_that_was_reset_or_broken_again_is_not_called_done() {
    let sham = Sham::new();
    sham.write(FILE, "// my work\n");
    sham.run("check 1").success();
    sham.run("").success().stdout(contains("graceful shutdown: done"));
    sham.run("reset 1").success();
    sham.run("").success().stdout(contains("done once; begun anew"));
    sham.contract("[ $CONTRACT_PROMISE = second ] && break_it || say kept");
    sham.run("check 1").code(1);
    let now = contains("done once; 1 of 3 promises kept");
    sham.run("").success().stdout(now.and(contains("next   cargo xtask check exercise-1")));
    sham.run("list").success().stdout(contains("done once; 1 of 3"));
    sham.run("solution 1").success().stdout(contains("// the solution"));
}
