//! What a command leaves on the disk: nothing, also if it ends early.

use std::{fs, path::PathBuf, process::Stdio};

use processes::until;

use crate::sham::{SOON, Sham, exit_code, signal};

/// A contract that leaves a file in its temporary folder. It waits for the end of its pipe unless it judges
/// the first promise.
const LITTERS: &str = "echo > $TMPDIR/litter.$CONTRACT_PROMISE
    [ $CONTRACT_PROMISE = first ] || { cat; exit 1; }
    until [ -e $TMPDIR/litter.third ]; do sleep 0.01; done";

fn sham() -> Sham {
    let sham = Sham::new();
    fs::create_dir(sham.path("tmp")).unwrap();
    sham
}

/// All that lies in the folders for temporary files and copies.
fn left(sham: &Sham) -> Vec<PathBuf> {
    let entries = ["tmp", "target/judged"].map(|folder| fs::read_dir(sham.path(folder)));
    let entries = entries.into_iter().flatten().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.is_dir()).collect()
}

#[test]
fn a_check_that_stops_early_removes_the_files_of_all_its_judges() {
    let sham = sham();
    sham.contract(&format!("{LITTERS}; break_it"));
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    command.args(["check", "1"]).env("TMPDIR", sham.path("tmp")).timeout(SOON).assert().code(1);
    assert_eq!(left(&sham), Vec::<PathBuf>::new());
}

#[test]
fn an_interrupted_check_removes_them_and_a_killed_one_leaves_them_to_the_next() {
    let sham = sham();
    sham.contract(&format!("{LITTERS}; echo > $SHAM/begun; cat; exit 1"));
    for (name, folders) in [("INT", 0), ("KILL", 2)] {
        let _ = fs::remove_file(sham.path("begun"));
        let mut command = sham.xtask();
        command.args(["check", "1"]).env("TMPDIR", sham.path("tmp"));
        let mut runner = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until(SOON, || sham.path("begun").exists().then_some(())).expect("the check begins");
        signal(&runner, name);
        exit_code(&mut runner);
        assert_eq!(left(&sham).len(), folders, "SIG{name}: {:?}", left(&sham));
    }
    sham.contract("say kept");
    let mut command = assert_cmd::Command::from_std(sham.xtask());
    command.args(["check", "1"]).env("TMPDIR", sham.path("tmp")).timeout(SOON).assert().success();
    assert_eq!(left(&sham), Vec::<PathBuf>::new());
}
