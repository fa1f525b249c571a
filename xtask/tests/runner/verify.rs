//! What `verify` does with mutants, chapters and its options, in a workbook whose programs are
//! text.
//!
//! The "solution" is a list of lines, and "building" copies it. A mutant's patch writes `breaks
//! NAME` into it, and the contract breaks the promises that it finds named there.

use std::fs;

use crate::sham::Sham;
use predicates::{boolean::PredicateBooleanExt, str::contains};

const PROMISES: [&str; 4] = ["first", "second", "third", "beyond"];
const LINES: usize = 6;
const TOPIC: &str = "crates/01-graceful-shutdown";

/// Breaks the promises that the program names, and notes each judgement.
const JUDGE: &str = r#"grep -q "breaks.* $CONTRACT_PROMISE" "$SUBJECT" && break_it || say kept"#;

/// A workbook with one mutant for each promise.
fn workbook() -> Sham {
    let sham = Sham::new();
    let lines: Vec<String> = (1..=LINES).map(|line| format!("line {line}\n")).collect();
    sham.write("solutions/exercise-1.rs", &lines.concat());
    sham.write(&format!("{TOPIC}/src/lib.rs"), "// what the mutants are built of\n");
    sham.write(&format!("{TOPIC}/tests/contract/main.rs"), "// the contract\n");
    for promise in PROMISES {
        mutant(&sham, promise, promise, 3);
    }
    let metadata = format!(
        r#"{{"packages":[{{"name":"graceful-shutdown","manifest_path":"{}","dependencies":[]}}]}}"#,
        sham.path(&format!("{TOPIC}/Cargo.toml")).display(),
    );
    sham.cargo(&format!(
        "[ $1 = metadata ] && echo '{metadata}' && exit\n[ $1 = build ] && cp solutions/exercise-1.rs {}",
        sham.path("program").display(),
    ));
    contract(&sham, JUDGE);
    sham
}

/// The mutant that is `killed_by` a promise, and breaks the promises `broken` by its line `line`.
fn mutant(sham: &Sham, killed_by: &str, broken: &str, line: usize) {
    let lines = (1..=LINES).map(|number| {
        if number == line {
            return format!("-line {number}\n+breaks {broken}\n");
        }
        format!(" line {number}\n")
    });
    let file = "solutions/exercise-1.rs";
    let text = format!(
        "lesson: Text.\nkilled-by: {killed_by}\nobserved: connection reset\nguide: guides/x.md#one\n\n\
         --- a/{file}\n+++ b/{file}\n@@ -1,{LINES} +1,{LINES} @@\n{}",
        lines.collect::<String>()
    );
    sham.write(&format!("{TOPIC}/mutants/of-{killed_by}.patch"), &text);
}

fn contract(sham: &Sham, judge: &str) {
    let note = format!("echo $CONTRACT_PROMISE >> {}", sham.path("judged").display());
    sham.contract(&format!("{note}\n{judge}"));
}

/// The promises that were judged since the last call, in alphabetical order.
fn judged(sham: &Sham) -> Vec<String> {
    let text = fs::read_to_string(sham.path("judged")).unwrap_or_default();
    sham.write("judged", "");
    let mut judged: Vec<String> = text.lines().map(str::to_owned).collect();
    judged.sort();
    judged
}

#[test]
fn only_what_changed_is_judged_again() {
    let sham = workbook();
    let all = ["beyond", "first", "second", "third"];
    let told = contains("exercise-1, mutant of-first: killed by promise 1")
        .and(contains("0 of 4 judgements needed a second, lone one."));
    sham.run("verify --only mutants").success().stdout(told);
    assert_eq!(judged(&sham), all);

    let told = contains("4 mutants not judged again: nothing has changed since.");
    sham.run("verify --only mutants").success().stdout(told);
    assert_eq!(judged(&sham), [""; 0]);

    mutant(&sham, "second", "second", 5);
    sham.run("verify --only mutants").success();
    assert_eq!(judged(&sham), ["second"], "its patch changed");

    sham.write(&format!("{TOPIC}/hints.md"), "other hints\n");
    sham.run("verify --only mutants").success();
    assert_eq!(judged(&sham), [""; 0], "no program is made of hints");

    for file in ["src/lib.rs", "tests/contract/main.rs"] {
        sham.write(&format!("{TOPIC}/{file}"), "// changed\n");
        sham.run("verify --only mutants").success();
        assert_eq!(judged(&sham), all, "{file} changed");
    }
}

#[test]
fn what_did_not_die_as_it_should_is_judged_in_every_run() {
    let sham = workbook();
    mutant(&sham, "second", "nothing", 3);
    let told = || {
        contains("of-second: killed by promise 2 (needed a second, lone")
            .and(contains("survives: second does"))
            .and(contains("needed a second, lone one."))
    };
    for _ in 0..2 {
        sham.run("verify --only mutants").code(1).stdout(told());
        assert_eq!(judged(&sham).iter().filter(|promise| *promise == "second").count(), 2);
    }
}

#[test]
fn a_judgement_that_fails_beside_others_and_not_alone_is_not_a_problem() {
    let sham = workbook();
    let once = sham.path("once").display().to_string();
    contract(
        &sham,
        &format!("[ $CONTRACT_PROMISE = third ] && mkdir {once} && say kept && exit\n{JUDGE}"),
    );
    let told = contains("of-third: killed by promise 3 (needed a second, lone")
        .and(contains("1 of 4 judgements needed a second, lone one."));
    sham.run("verify --only mutants").success().stdout(told);

    // The same for a program that has to keep all of them.
    fs::remove_dir(&once).unwrap();
    contract(
        &sham,
        &format!("[ $CONTRACT_PROMISE = third ] && mkdir {once} && break_it || say kept"),
    );
    let told = || {
        contains("promise 3 needed a second, lone judgement; at first: connection")
            .and(contains("keeps all 4 promises"))
    };
    for part in ["solutions", "examples"] {
        sham.run(&format!("verify --only {part}")).success().stdout(told());
        fs::remove_dir(&once).unwrap();
    }
}

#[test]
fn the_next_mutant_is_built_while_one_is_judged() {
    let sham = workbook();
    let seen = sham.path("judged").display().to_string();
    contract(&sham, &format!("until [ $(wc -l < {seen}) -ge 2 ]; do sleep 0.01; done\n{JUDGE}"));
    sham.run("verify --only mutants").success();
}

#[test]
fn a_broken_build_or_grader_says_so() {
    let sham = workbook();
    sham.write(
        &format!("{TOPIC}/mutants/of-first.patch"),
        "lesson: a\nkilled-by: first\n\
        observed: a\nguide: a\n\n--- a/solutions/exercise-1.rs\n+++ b/solutions/exercise-1.rs\n\
        @@ -1 +1 @@\n-no such line\n+line\n",
    );
    sham.run("verify --only mutants").code(1).stdout(contains("does not apply any"));
    mutant(&sham, "first", "first", 4);
    contract(&sham, "echo 'the port is gone' >&2; exit 101");
    sham.run("verify --only mutants").code(4).stderr(contains("the port is gone"));
}

#[test]
fn thorough_judges_the_promises_before_the_named_one_too() {
    let sham = workbook();
    sham.run("verify --only mutants --thorough --chapter 01").success().stdout(
        contains("· kept  ✗ killed by  - skipped   1 2 3 4")
            .and(contains("    of-first                         ✗\n"))
            .and(contains("    of-third                         · · ✗\n")),
    );
    let count = |promise: &str, all: &[String]| all.iter().filter(|one| *one == promise).count();
    let all = judged(&sham);
    assert_eq!(PROMISES.map(|promise| count(promise, &all)), [4, 3, 2, 1]);

    mutant(&sham, "third", "first third", 3);
    sham.run("verify --only mutants").success();
    let told =
        contains("dies of first, not of").and(contains("of-third                         ✗\n"));
    sham.run("verify --only mutants --thorough").code(1).stdout(told);
}

#[test]
fn an_option_that_does_not_apply_is_refused() {
    let sham = Sham::new();
    for (line, answer) in [
        (
            "verify --only stubs --thorough",
            "--thorough is about mutants and does nothing for stubs; leave one of them out.\n",
        ),
        (
            "verify --only guides --chapter 1",
            "The part guides has no chapters; leave out --chapter.\n",
        ),
        ("verify --chapter 99", "There is no `99`; `cargo xtask list` shows what there is.\n"),
    ] {
        sham.run(line).code(2).stdout("").stderr(answer);
    }
}
