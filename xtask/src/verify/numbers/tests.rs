use events::contract::Promise;

use super::*;
use crate::{contract::Contract, syllabus::exercises};

/// The chapter of exercise 1, with the promises that have these sentences.
fn chapter(sentences: &[&str]) -> Chapter {
    let (topic, exercise) = exercises().next().expect("there is one");
    let promise = |sentence: &&str| Promise {
        id: sentence.replace(' ', "_"),
        sentence: (*sentence).to_owned(),
        extra: false,
        guide: String::new(),
    };
    let workspace = Workspace { root: PathBuf::new() };
    let contract = Contract { binary: PathBuf::new(), workspace, env: String::new() };
    Chapter { topic, exercise, contract, promises: sentences.iter().map(promise).collect() }
}

const BEFORE: [&str; 2] = ["Both workers answer.", "A request in flight is answered whole."];
const AFTER: [&str; 3] = [BEFORE[0], "A new promise.", BEFORE[1]];

fn told(sentences: &[&str], file: &str, text: &str) -> String {
    stale(&[chapter(sentences)], Path::new(file), text).join("\n")
}

#[test]
fn a_number_that_a_new_promise_left_behind_is_found() {
    for (file, text) in [
        ("guides/01-graceful-shutdown-patterns.md", "So promise 2 (\"is answered whole\") holds."),
        ("crates/01-graceful-shutdown/hints.md", "Then promise 2, \"answered whole\", is kept."),
        (
            "solutions/exercise-1.rs",
            "/// See promise 2\n/// (\"A request in\n/// flight\").\nfn f() {}",
        ),
        ("guides/04-health-monitoring.md", "See promise 2 of exercise 1 (\"answered whole\")."),
        (
            "guides/01-graceful-shutdown-patterns.md",
            "- Promise 2: A request in flight is answered whole.",
        ),
        ("README.md", "See promise 2 of exercise 1 (\"answered whole\")."),
    ] {
        assert_eq!(told(&BEFORE, file, text), "", "{file}");
        let stale = told(&AFTER, file, text);
        assert!(stale.to_lowercase().contains(":1 says \"promise 2\" without"), "{stale}");
        assert!(stale.ends_with("which is: A new promise."), "{stale}");
    }
}

#[test]
fn a_number_that_can_not_be_checked_is_found() {
    let guide = "guides/01-graceful-shutdown-patterns.md";
    for (file, text, why) in [
        (guide, "a\nb promise 2 holds", ":2 says \"promise 2\" without words"),
        (guide, "the second promise", "Write its number and its words."),
        (guide, "promise 9 (\"x\")", "but exercise-1 has 2."),
        ("README.md", "promise 2 (\"answered\")", "Write of which exercise"),
    ] {
        let told = told(&BEFORE, file, text);
        assert!(told.contains(why), "{told}");
    }
    assert_eq!(told(&BEFORE, guide, "Kept after this step: promises 1 and 2."), "");
}

#[test]
fn only_the_header_of_a_mutant_is_read() {
    let file = "crates/01-graceful-shutdown/mutants/01-x.patch";
    let text =
        "lesson: promise 2 breaks.\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-promise 1\n+promise 3\n";
    assert_eq!(told(&BEFORE, file, text).lines().count(), 1);
}

#[test]
fn a_stub_quotes_only_what_a_promise_says() {
    let stub =
        "/// 1. `f` answers: \"answered\n///    whole\", and \"both `workers`\".\n/// - \"gone\"\n";
    let problems = misquoted(&chapter(&BEFORE), "stub.rs", stub);
    assert_eq!(problems, ["stub.rs:3 quotes \"gone\", which no promise says."]);
}
