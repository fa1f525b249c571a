//! What `verify --only steps` finds in a workbook whose stub is a list of broken promises.

use std::fs;

use predicates::{boolean::PredicateBooleanExt, str::contains};

use crate::sham::Sham;

const TOPIC: &str = "crates/01-graceful-shutdown";
const STUB: &str = "breaks second third beyond\n";
const GUIDE: &str = "guides/01-graceful-shutdown-patterns.md";

/// A workbook whose guide says that `kept` is kept after step 1, and everything after step 2.
fn workbook(kept: &str) -> Sham {
    let sham = Sham::new();
    sham.write(&format!("{TOPIC}/stub.rs"), STUB);
    sham.write(&format!("{TOPIC}/src/lib.rs"), "// what the stub is built of\n");
    sham.write(&format!("{TOPIC}/tests/contract/main.rs"), "// the contract\n");
    let steps = format!(
        "## The exercise\n\n1. One. Kept after this step: {kept}.\n\
         2. Two. Kept after this step: promises 1 to 4.\n"
    );
    sham.write(GUIDE, &(sham.read(GUIDE) + &steps));
    patch(&sham, 1, "breaks third beyond");
    let metadata = format!(
        r#"{{"packages":[{{"name":"graceful-shutdown","manifest_path":"{}","dependencies":[]}}]}}"#,
        sham.path(&format!("{TOPIC}/Cargo.toml")).display(),
    );
    sham.cargo(&format!(
        "[ $1 = metadata ] && echo '{metadata}' && exit\n[ $1 = build ] && cp exercises/exercise-1.rs {}",
        sham.path("program").display(),
    ));
    sham.contract(&format!(
        "echo $CONTRACT_PROMISE >> {}\ngrep -q \"breaks.* $CONTRACT_PROMISE\" $SUBJECT && break_it || say kept",
        sham.path("judged").display(),
    ));
    sham
}

/// The patch of `step` makes `line` of the stub.
fn patch(sham: &Sham, step: usize, line: &str) {
    let file = "exercises/exercise-1.rs";
    let text = format!("--- a/{file}\n+++ b/{file}\n@@ -1 +1 @@\n-{STUB}+{line}\n");
    sham.write(&format!("{TOPIC}/steps/{step}.patch"), &text);
}

/// How many promises were judged since the last call.
fn judged(sham: &Sham) -> usize {
    let text = fs::read_to_string(sham.path("judged")).unwrap_or_default();
    sham.write("judged", "");
    text.lines().count()
}

#[test]
fn a_step_that_keeps_what_the_guide_says_is_judged_once() {
    let sham = workbook("promises 1 and 2");
    let told = || contains("exercise-1 after step 1 keeps 2 promises");
    sham.run("verify --only steps --chapter 01").success().stdout(told());
    assert_eq!(judged(&sham), 4);
    sham.run("verify --only steps").success().stdout(told());
    assert_eq!(judged(&sham), 0, "nothing has changed since");
    sham.write(&format!("{TOPIC}/tests/contract/main.rs"), "// changed\n");
    sham.run("verify --only steps").success();
    assert_eq!(judged(&sham), 4, "the contract changed");
}

#[test]
fn a_guide_that_says_too_much_or_too_little_is_found() {
    let too_much =
        contains("says that promise 3 is kept").and(contains("connection reset. Correct"));
    let sham = workbook("promises 1 to 3");
    sham.run("verify --only steps").code(1).stdout(too_much);
    let too_little = contains("leaves out what else is").and(contains("step 1: 2. Add that."));
    workbook("promise 1").run("verify --only steps").code(1).stdout(too_little);
}

#[test]
fn a_step_needs_its_patch_and_breaks_nothing_again() {
    let sham = workbook("promises 1 and 2");
    patch(&sham, 2, "breaks nothing");
    let told = contains("has a patch for step 2 or a later one.");
    sham.run("verify --only steps").code(1).stdout(told);
    let sham = workbook("promises 1 and 2");
    sham.write(&format!("{TOPIC}/steps/1.patch"), "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n");
    sham.run("verify --only steps").code(1).stdout(contains("does not apply to the stub"));
    fs::remove_file(sham.path(&format!("{TOPIC}/steps/1.patch"))).unwrap();
    sham.run("verify --only steps").code(1).stdout(contains("steps/1.patch is missing"));
    sham.write(GUIDE, "# Graceful shutdown\n\n## The exercise\n\n1. One.\n");
    sham.run("verify --only steps")
        .code(1)
        .stdout(contains("no guide of exercise-1 says after a step"));
}
