//! What `check` shows and answers, with a contract that says what the test wants to hear.

use crate::sham::{SOON, Sham, processes_of};
use predicates::{boolean::PredicateBooleanExt, str::contains};
use serde_json::Value;

const SECOND_BREAKS: &str = "[ $CONTRACT_PROMISE = second ] && break_it || say kept";

fn json(sham: &Sham, line: &str) -> Value {
    let output = sham.run(line);
    serde_json::from_slice(&output.get_output().stdout).expect("stdout is one JSON value")
}

#[test]
fn a_broken_promise_ends_the_check_with_its_story() {
    let sham = Sham::new();
    sham.contract(SECOND_BREAKS);
    let story = contains("✗ 2/3  A request in flight is answered.")
        .and(contains("observed  connection reset"))
        .and(contains("0.500  observed  GET /: reset  <- here"))
        .and(contains("guide     guides/01-graceful-shutdown-patterns.md#one"))
        .and(contains("next      cargo xtask hint exercise-1"))
        .and(contains("again     cargo xtask check exercise-1 --only 2"))
        .and(contains("1 of 3 promises kept; 1 not reached."))
        .and(contains("A second signal").not());
    sham.run("check exercise-1").code(1).stdout(story);
}

#[test]
fn promises_are_shown_in_order_although_the_later_ones_are_quicker() {
    let sham = Sham::new();
    sham.contract("[ $CONTRACT_PROMISE = first ] && sleep 0.3; say kept");
    let output = sham.run("check 1").success();
    let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
    let at = |sentence: &str| text.find(sentence).unwrap();
    assert!(at("1/3") < at("2/3") && at("3/3") < at("Beyond the exercise"), "{text}");
    assert!(text.contains("Well done: all 3 promises kept, and the one beyond"), "{text}");
}

#[test]
fn a_broken_extra_is_told_in_short_and_is_not_a_failure() {
    let sham = Sham::new();
    sham.contract("[ $CONTRACT_PROMISE = beyond ] && break_it || say kept");
    let told = contains("✗ 4    It says how long it took.").and(contains("--only 4"));
    sham.run("check 1").code(0).stdout(told.and(contains("expected").not()));
    // Asked for by itself, it decides.
    sham.run("check 1 --only 4").code(1).stdout(contains("expected  200"));
}

#[test]
fn only_keep_going_and_runs_do_what_they_say() {
    let sham = Sham::new();
    sham.contract(SECOND_BREAKS);
    sham.run("check 1 --only third").success().stdout(contains("That promise is kept."));
    sham.run("check 1 --only 9").code(2).stderr("The promises are numbered 1 to 4.\n");
    sham.run("check 1 --keep-going").code(1).stdout(contains("✓ 3/3"));
    let summary = contains("0 of 3 runs kept all 3 promises.").and(contains("3 x  2/3"));
    sham.run("check 1 --runs 3").code(1).stdout(summary);
}

#[test]
fn a_promise_that_breaks_on_a_busy_machine_is_judged_again_alone() {
    let sham = Sham::new();
    let seen = sham.path("seen");
    let seen = seen.display();
    sham.contract(&format!(
        "if [ $CONTRACT_PROMISE = second ] && [ ! -e {seen} ]; then touch {seen}; starved; exit; fi
        say kept"
    ));
    sham.run("check 1").success().stdout(contains("all 3 promises kept"));
}

#[test]
fn what_can_not_be_told_is_unclear_and_blames_no_program() {
    let sham = Sham::new();
    sham.contract(
        "[ $CONTRACT_PROMISE = second ] || { say kept; exit; }; starved | sed s/broken/unclear/",
    );
    let story = contains("? 2/3  A request in flight is answered.")
        .and(contains("waited 700 ms for a core"))
        .and(contains("clock was 400\n"))
        .and(contains("cargo xtask check exercise-1 --only 2"))
        .and(contains("2 of 3 promises kept; 1 unclear: no verdict."))
        .and(contains("One known cause").not());
    sham.run("check 1").code(4).stdout(story);
    assert_eq!(json(&sham, "check 1 --json")["verdict"], "unclear");
    let summary = contains("0 of 2 runs").and(contains("In 2, the\nmachine was too busy to tell."));
    sham.run("check 1 --runs 2").code(4).stdout(summary);
    // A broken promise is broken, whatever else is unclear.
    sham.contract(
        "case $CONTRACT_PROMISE in first) starved | sed s/broken/unclear/;; second) break_it;; *) say kept;; esac",
    );
    sham.run("check 1").code(1);
}

#[test]
fn json_is_one_object_with_every_promise() {
    let sham = Sham::new();
    sham.contract(SECOND_BREAKS);
    let object = json(&sham, "check exercise-1 --json");
    assert_eq!(object["exercise"], "exercise-1");
    assert_eq!(object["subject"], "exercises/exercise-1.rs");
    assert_eq!(object["verdict"], "broken");
    assert_eq!((&object["kept"], &object["broken"]), (&1.into(), &1.into()));
    let statuses = object["promises"].as_array().unwrap().iter().map(|promise| &promise["status"]);
    assert_eq!(statuses.collect::<Vec<_>>(), ["kept", "broken", "not_reached", "not_reached"]);
    let broken = &object["promises"][1];
    assert_eq!(broken["observed"], "connection reset");
    assert_eq!(broken["timeline"][0]["source"], "observed");
    assert_eq!(object["promises"][3]["extra"], true);
    let all = json(&sham, "check all --json");
    assert_eq!((&all["verdict"], &all["exercises"][0]["kept"]), (&"broken".into(), &1.into()));
    assert_eq!(json(&sham, "check 1 --runs 2 --json")["broke"][0]["times"], 2);
}

#[test]
fn a_grader_that_fails_is_never_blamed_on_the_learner() {
    let sham = Sham::new();
    for judge in [
        "echo 'the port is gone' >&2; exit 101",
        "echo 'the port is gone' >&2; echo nonsense",
        "echo 'the port is gone' >&2; say kept; exit 1",
        r#"echo '{"status":"faulty","millis":1,"story":{"expected":"","observed":"the port is gone","timeline":[]}}'"#,
    ] {
        sham.contract(judge);
        let answer = contains("isn't a verdict on your program").and(contains("the port is gone"));
        sham.run("check 1").code(4).stderr(answer);
    }
    let object = json(&sham, "check 1 --json");
    assert_eq!(object["verdict"], "failed");
}

#[test]
fn a_grader_that_hangs_is_ended_with_everything_that_it_started() {
    let sham = Sham::new();
    sham.script("stray", "exec sleep 1000");
    let stray = sham.path("stray");
    sham.contract(&format!("setsid sh {} & exec sleep 1000", stray.display()));
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    command.args(["check", "1"]).env("CHECK_PATIENCE", "0.01").timeout(SOON);
    command.assert().code(4).stderr(contains("gave no report within 1 s"));
    assert_eq!(processes_of(sham.folder.path()), [0; 0]);
}

#[test]
fn the_checks_that_are_called_off_are_told_by_their_pipe() {
    let sham = Sham::new();
    let (begun, told) = (sham.path("begun"), sham.path("told"));
    let (begun, told) = (begun.display(), told.display());
    sham.write("begun", "");
    sham.contract(&format!(
        "if [ $CONTRACT_PROMISE = first ]; then
            until [ $(wc -l < {begun}) = 3 ]; do sleep 0.01; done
            break_it; exit
        fi
        echo >> {begun}; cat; echo >> {told}; exit 1"
    ));
    sham.run("check 1").code(1).stdout(contains("2 not reached"));
    assert_eq!(sham.read("told").lines().count(), 3, "each of the others saw the end of file");
}

#[test]
fn a_program_that_can_not_be_started_is_wrong_usage() {
    let sham = Sham::new();
    let answer = "`./no-such-program` isn't a program that can be started";
    sham.run("check 1 --program ./no-such-program").code(2).stderr(contains(answer));
}

#[test]
fn a_tour_passes_its_exit_code_on() {
    let sham = Sham::new();
    sham.write("crates/01-graceful-shutdown/tour.rs", "");
    sham.script("tour", "echo \"$TOUR_FORMAT tour of $SUBJECT\"; exit 1");
    sham.run("run 01").code(1).stdout(contains("text tour of").and(contains("program")));
    sham.script("tour", "echo \"$TOUR_FORMAT$TOUR_STAY\"");
    sham.run("run exercise-1 --json").success().stdout("json\n");
    sham.script("tour", "exit 101");
    sham.run("run 01").code(4);
    sham.script("tour", "exit 1");
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    command.args(["run", "exercise-1", "--program", "sh -c true"]);
    let next = "next   cargo xtask check exercise-1 --program 'sh -c true'";
    command.timeout(SOON).assert().code(1).stderr(contains(next));
}

#[test]
fn serving_becomes_the_program_and_ends_as_it_does() {
    let sham = Sham::new();
    sham.script("program", "echo $$; [ \"$STEPS\" = 50 ] && exit 7");
    let output = sham.run("run 01 --serve --env STEPS=50").code(7);
    let pid = String::from_utf8_lossy(&output.get_output().stdout).trim().to_owned();
    output.stderr(contains(format!("program is process {pid}; Ctrl-C stops it.")));
}
