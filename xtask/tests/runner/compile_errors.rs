//! A learner sees the compiler's errors about their own file, as it prints them, and no others.

use std::{env, fs, path::PathBuf, process::Command, time::Duration};

use crate::sham::{runner, target};
use predicates::{boolean::PredicateBooleanExt, str::contains};

const BUILD: Duration = Duration::from_mins(5);

/// A copy of the workbook, kept between runs so that its dependencies are compiled once.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn new() -> Self {
        let copy = Copy { root: target().with_file_name("tmp").join("compile-errors") };
        // Cargo says it anew each time, and what it compiled in may be the name before a move.
        let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap());
        let original = manifest.parent().unwrap();
        fs::create_dir_all(&copy.root).unwrap();
        let sources = ["Cargo.toml", "Cargo.lock", "crates", "exercises", "solutions", "xtask"];
        // With its modification times, or cargo would compile all of it anew.
        let status = Command::new("cp")
            .arg("-Rp")
            .args(sources.map(|source| original.join(source)))
            .arg(&copy.root)
            .status();
        assert!(status.unwrap().success(), "the workbook can't be copied");
        copy
    }

    fn append(&self, file: &str, text: &str) {
        let path = self.root.join(file);
        let source = fs::read_to_string(&path).unwrap();
        fs::write(path, source + text).unwrap();
    }

    fn check(&self) -> assert_cmd::assert::Assert {
        let mut command = assert_cmd::Command::new(runner());
        command
            .args(["check", "exercise-1"])
            .env("CARGO_MANIFEST_DIR", self.root.join("xtask"))
            .env("CARGO_TARGET_DIR", self.root.join("target"))
            .timeout(BUILD)
            .assert()
    }
}

#[test]
fn an_error_is_the_learners_in_their_file_and_the_graders_anywhere_else() {
    let copy = Copy::new();
    copy.append("exercises/exercise-1.rs", "\nfn mine() -> u8 {\n    \"not a number\"\n}\n");
    let shown = contains("error[E0308]: mismatched types")
        .and(contains("--> exercises/exercise-1.rs:"))
        .and(contains("exercises/exercise-1.rs does not compile yet: 1 error."))
        .and(contains("again  cargo xtask check exercise-1"))
        .and(contains("aborting").not())
        .and(contains('\x1b').not());
    copy.check().code(1).stdout(shown);

    let copy = Copy::new();
    copy.append(
        "crates/01-graceful-shutdown/tests/contract/main.rs",
        "\nfn ours() -> u8 { \"\" }\n",
    );
    let told = contains("isn't a verdict on your program").and(contains("mismatched types"));
    copy.check().code(4).stdout("").stderr(told);
}
