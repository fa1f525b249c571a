//! Which program is under test: `$SUBJECT`, or the reference solution; and what it gets of our
//! environment.

use std::{env, ffi::OsString, path::Path, process::Command};

/// What a program gets of our environment, and each `LC_…`. Anything else was set in the shell that
/// started the check, and a `WORKERS=1` there would change what the program does.
const PASSED_ON: [&str; 6] = ["PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ"];

/// The command line of the program under test, as a shell would split it.
#[derive(Clone, Debug)]
pub struct Subject {
    words: Vec<String>,
    /// The variables that the learner passes on purpose: `$SUBJECT_ENV`, quoted like a command line.
    settings: Vec<(String, String)>,
}

impl Subject {
    /// Takes `$SUBJECT` (so that any executable can be judged), or else the file `default`, which cargo
    /// compiled into this test.
    ///
    /// # Errors
    /// When one of the two is not a command line, or `$SUBJECT` is empty.
    pub fn from_env(default: &str) -> Result<Self, String> {
        let words = match env::var("SUBJECT") {
            Err(_) => vec![beside_us(default)],
            Ok(line) => shlex::split(&line)
                .filter(|words| !words.is_empty())
                .ok_or_else(|| format!("SUBJECT isn't a command line: {line}"))?,
        };
        let settings = env::var("SUBJECT_ENV").unwrap_or_default();
        let settings = pairs(&settings)
            .ok_or_else(|| format!("SUBJECT_ENV isn't a list of NAME=VALUE: {settings}"))?;
        Ok(Subject { words, settings })
    }

    /// A command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).env_clear().envs(env::vars_os().filter(is_passed_on));
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Its name, without folders.
    #[must_use]
    pub fn name(&self) -> String {
        let file = |word: &String| word.rsplit('/').next().unwrap_or(word).to_owned();
        self.words.iter().map(file).collect::<Vec<_>>().join(" ")
    }
}

/// The words of `line`, each of which is NAME=VALUE.
fn pairs(line: &str) -> Option<Vec<(String, String)>> {
    let pair = |word: String| {
        word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    shlex::split(line)?.into_iter().map(pair).collect()
}

fn is_passed_on((name, _): &(OsString, OsString)) -> bool {
    name.to_str().is_some_and(|name| PASSED_ON.contains(&name) || name.starts_with("LC_"))
}

/// The program `compiled_in`, where it is now: cargo puts it one folder above its tests. The path that
/// was compiled in names another folder once the workbook was moved or copied.
fn beside_us(compiled_in: &str) -> String {
    let name = Path::new(compiled_in).file_name();
    let beside = env::current_exe().ok().zip(name).and_then(|(me, name)| {
        let folder = me.parent()?.parent()?;
        Some(folder.join(name)).filter(|program| program.is_file())
    });
    beside.map_or_else(|| compiled_in.to_owned(), |program| program.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_program_needs_is_passed_on() {
        let passed_on = |name: &str| is_passed_on(&(name.into(), "1".into()));
        assert!(passed_on("PATH") && passed_on("LC_ALL"));
        for name in ["WORKERS", "WORKER_ID", "http_proxy", "CHECK_PATIENCE", "LD_LIBRARY_PATH"] {
            assert!(!passed_on(name), "{name}");
        }
    }

    #[test]
    fn a_setting_without_a_value_is_not_passed_over() {
        let is = |name: &str, value: &str| Some(vec![(name.to_owned(), value.to_owned())]);
        assert_eq!(pairs("'FAULTS=a b=c'"), is("FAULTS", "a b=c"));
        assert_eq!(pairs(""), Some(Vec::new()));
        assert_eq!(pairs("WORKERS=2 PORT"), None);
    }

    #[test]
    fn a_program_is_found_beside_its_tests_after_a_move() {
        let me = env::current_exe().expect("this test has a path");
        let target = me.parent().and_then(Path::parent).expect("cargo's folders");
        let moved = "/before/the/move/target/debug/.cargo-lock";
        assert_eq!(beside_us(moved), target.join(".cargo-lock").display().to_string());
        assert_eq!(beside_us("/no/such/program"), "/no/such/program");
    }
}
