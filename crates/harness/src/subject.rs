//! Which program is under test: `$SUBJECT`, or the reference solution.

use std::{env, path::Path, process::Command};

/// The command line of the program under test, as a shell would split it.
#[derive(Clone, Debug)]
pub struct Subject {
    words: Vec<String>,
}

impl Subject {
    /// Takes `$SUBJECT` (so that any executable can be judged), or else the file `default`, which cargo
    /// compiled into this test.
    ///
    /// # Errors
    /// When `$SUBJECT` is empty or has an unclosed quote.
    pub fn from_env(default: &str) -> Result<Self, String> {
        let words = match env::var("SUBJECT") {
            Err(_) => vec![beside_us(default)],
            Ok(line) => shlex::split(&line)
                .filter(|words| !words.is_empty())
                .ok_or_else(|| format!("SUBJECT isn't a command line: {line}"))?,
        };
        Ok(Subject { words })
    }

    /// A command that runs it.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }

    /// Its name, without folders.
    #[must_use]
    pub fn name(&self) -> String {
        let file = |word: &String| word.rsplit('/').next().unwrap_or(word).to_owned();
        self.words.iter().map(file).collect::<Vec<_>>().join(" ")
    }
}

/// The program `compiled_in`, where it is now: cargo puts it one folder above its tests. The path that was
/// compiled in names another folder once the workbook was moved or copied.
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
    fn a_program_is_found_beside_its_tests_after_a_move() {
        let me = env::current_exe().expect("this test has a path");
        let target = me.parent().and_then(Path::parent).expect("cargo's folders");
        let moved = "/before/the/move/target/debug/.cargo-lock";
        assert_eq!(beside_us(moved), target.join(".cargo-lock").display().to_string());
        assert_eq!(beside_us("/no/such/program"), "/no/such/program");
    }
}
