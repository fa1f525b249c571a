//! Which program is under test: `$SUBJECT`, or the reference solution.

use std::{env, process::Command};

/// The command line of the program under test, as a shell would split it.
#[derive(Clone, Debug)]
pub struct Subject {
    words: Vec<String>,
}

impl Subject {
    /// Takes `$SUBJECT` (so that any executable can be judged), or else the file `default`.
    ///
    /// # Errors
    /// When `$SUBJECT` is empty or has an unclosed quote.
    pub fn from_env(default: &str) -> Result<Self, String> {
        let words = match env::var("SUBJECT") {
            Err(_) => vec![default.to_owned()],
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
