//! What a learner types, and what comes back: names, typos, exit codes, colours, saved progress.

use std::fs;

use crate::sham::Sham;
use predicates::{boolean::PredicateBooleanExt, str::contains};

#[test]
fn an_unknown_command_or_name_gets_one_sentence_and_exit_code_2() {
    let sham = Sham::new();
    for (line, answer) in [
        ("chekc", "There is no `chekc`. Did you mean `check`?\n"),
        ("check exercize-1", "There is no `exercize-1`. Did you mean `exercise-1`?\n"),
        ("hint teapot", "There is no `teapot`; `cargo xtask list` shows what there is.\n"),
        ("run 99", "There is no `99`; `cargo xtask list` shows what there is.\n"),
        ("check exercise-22", "There is no `exercise-22`. Did you mean `exercise-2`?\n"),
        ("check exercise-9", "There is no `exercise-9`; `cargo xtask list` shows what there is.\n"),
        ("guide 9", "There is no guide `9` yet; `cargo xtask guide` lists them.\n"),
    ] {
        sham.run(line).code(2).stdout("").stderr(answer);
    }
}

#[test]
fn a_topic_that_is_not_written_yet_is_listed_and_says_so() {
    let sham = Sham::new();
    sham.run("list").success().stdout(contains("02-rolling-restart").and(contains("coming")));
    for line in ["check exercise-2", "run 02-rolling-restart", "hint rolling"] {
        let answer = "Topic 02-rolling-restart is still being written";
        sham.run(line).code(2).stderr(contains(answer));
    }
    // No exercise belongs to it: `check` says the same as `run`.
    for line in ["check 7", "run 07"] {
        let answer = "Topic 07-zero-downtime-deploy is still being written";
        sham.run(line).code(2).stderr(contains(answer));
    }
}

#[test]
fn the_first_command_says_what_is_next() {
    let sham = Sham::new();
    sham.run("").success().stdout(contains("next   cargo xtask guide 1"));
    sham.run("guide 1").success().stdout(contains("▸ Who dies?").and(contains("Nobody").not()));
    sham.run("guide 1 --answers").success().stdout(contains("Nobody."));
    sham.run("").success().stdout(contains("next   cargo xtask run 01-graceful-shutdown"));
    sham.run("check 1").success();
    sham.run("").success().stdout(contains("✓ shut a cluster down properly"));
}

#[test]
fn nothing_but_plain_text_of_80_columns_goes_into_a_pipe() {
    let sham = Sham::new();
    sham.contract("[ $CONTRACT_PROMISE = second ] && break_it || say kept");
    for line in [
        "",
        "list",
        "guide 1",
        "check 1",
        "hint 1",
        "hint 1",
        "hint 1",
        "doctor",
        "guide",
        "solution 1 --spoil",
    ] {
        for variables in [&[][..], &[("NO_COLOR", "1")]] {
            let mut command = sham.xtask();
            command.args(line.split_whitespace()).envs(variables.iter().copied());
            let output = command.output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert!(!text.contains('\x1b'), "`{line}` writes an escape sequence:\n{text}");
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= 80, "`{line}` is {widest} columns wide:\n{text}");
        }
    }
}

#[test]
fn a_corrupt_progress_file_is_set_aside_and_the_command_goes_on() {
    let sham = Sham::new();
    sham.write(".progress.json", "{\"exercises\": {\"exercise-1\": ");
    let told = contains(".progress.json.corrupt");
    sham.run("list").success().stderr(told);
    assert!(sham.read(".progress.json.corrupt").starts_with("{\"exercises\""));
    sham.run("check 1").success().stderr("");
    assert!(sham.read(".progress.json").contains("\"done\": true"));
    sham.run("list").success().stdout(contains("done")).stderr("");
}

#[test]
fn progress_leaves_no_temporary_file_behind() {
    let sham = Sham::new();
    sham.run("check 1").success();
    let names = fs::read_dir(sham.folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<_> = names.filter(|name| name.to_string_lossy().contains("progress")).collect();
    assert_eq!(names, [".progress.json"]);
}

#[test]
fn hints_climb_the_ladder_of_what_broke_last() {
    let sham = Sham::new();
    sham.run("hint 1").success().stdout(contains("Look at main.").and(contains("hint 1 of 3")));
    sham.contract("[ $CONTRACT_PROMISE = second ] && break_it || say kept");
    sham.run("check 1").code(1);
    sham.run("hint 1").success().stdout(contains("Who holds it?").and(contains("hint 1 of 3")));
    sham.run("hint 1").success().stdout(contains("The guard.").and(contains("hint 2 of 3")));
    sham.run("hint 1").success().stdout(contains("guard.wait()").and(contains("--spoil")));
    sham.run("hint 1").success().stdout(contains("hint 3 of 3"));
}

#[test]
fn reset_keeps_the_work_and_says_how_to_get_it_back() {
    let sham = Sham::new();
    sham.run("reset 1").success().stdout(contains("nothing to reset"));
    sham.write("exercises/exercise-1.rs", "// my work\n");
    sham.run("reset 1").success().stdout(contains("back  cp exercises/kept/exercise-1."));
    assert_eq!(sham.read("exercises/exercise-1.rs"), "// the stub\n");
    sham.write("exercises/exercise-1.rs", "// more work\n");
    sham.run("reset 1").success();
    let kept = fs::read_dir(sham.path("exercises/kept")).unwrap();
    let mut kept: Vec<String> =
        kept.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
    kept.sort();
    assert_eq!(kept, ["// more work\n", "// my work\n"]);
}

#[test]
fn the_solution_shows_itself_after_the_work_or_on_demand() {
    let sham = Sham::new();
    sham.run("solution 1").code(2).stdout("").stderr(contains("--spoil"));
    sham.run("solution 1 --spoil").success().stdout(contains("// the solution"));
    sham.run("check 1").success();
    sham.run("solution 1").success().stdout(contains("// the solution"));
}
