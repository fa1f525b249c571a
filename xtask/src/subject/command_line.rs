//! Command lines: the user's, and those of what we built.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::anyhow;

use crate::exit::Failure;

/// Checks and completes a command line of the user's, who typed it in their folder; it will run at
/// the workbook's root.
pub(crate) fn command_line(line: &str) -> Result<String, Failure> {
    let usage = |sentence: String| Failure::Usage(sentence);
    let Some(words) = shlex::split(line) else {
        return Err(usage(format!("A quote in `{line}` is never closed; close it.")));
    };
    let Some(program) = words.first() else {
        return Err(usage("--program needs a command line, such as \"node server.js\".".into()));
    };
    if let Some(sentence) = of_a_shell(line, &words) {
        return Err(usage(sentence));
    }
    let here = env::current_dir().unwrap_or_default();
    if find_program(program, &here).is_none() {
        return Err(usage(format!(
            "`{program}` isn't a program that can be started; check its path and its mode."
        )));
    }
    let words = words.iter().map(|word| from_here(word, &here));
    join(words)
}

/// What a shell would understand, and no other program does.
fn of_a_shell(line: &str, words: &[String]) -> Option<String> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric())
    };
    if words[0].split_once('=').is_some_and(|(name, _)| is_name(name)) {
        return Some(format!(
            "The program is started without a shell, so `{}` is not understood.\n\
             Write it as  --program \"env {line}\"",
            words[0]
        ));
    }
    let operator = words
        .iter()
        .find(|word| ["&&", "||", "|", ";", "&", ">", ">>", "<"].contains(&word.as_str()));
    operator.map(|operator| {
        format!(
            "The program is started without a shell, so `{operator}` is not understood.\n\
             Write it as  --program \"sh -c '…'\", with `exec` before the last command."
        )
    })
}

/// A word that names a file in the user's folder names the same file from elsewhere.
fn from_here(word: &str, here: &Path) -> String {
    let path = here.join(word);
    if path.is_file() { path.display().to_string() } else { word.to_owned() }
}

/// Where the shell would find `program`: at its path, or in one of the folders of `PATH`.
fn find_program(program: &str, here: &Path) -> Option<PathBuf> {
    let candidates: Vec<PathBuf> = if program.contains('/') {
        vec![here.join(program)]
    } else {
        let folders = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&folders).map(|folder| folder.join(program)).collect()
    };
    candidates.into_iter().find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// The command line that starts the executable at `path`.
pub(crate) fn quote(path: &Path) -> Result<String, Failure> {
    join([path.display().to_string()].into_iter())
}

fn join(words: impl Iterator<Item = String>) -> Result<String, Failure> {
    let words: Vec<String> = words.collect();
    let line = shlex::try_join(words.iter().map(String::as_str));
    Ok(line.map_err(|error| anyhow!("a command line can't be quoted: {error}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_can_not_be_started_is_refused_in_one_sentence() {
        for (line, sign) in [
            ("sh 'x", "never closed"),
            ("  ", "needs a command line"),
            ("no-such-program-anywhere", "isn't a program"),
            ("/etc/passwd", "isn't a program"),
            ("PORT=1 node x.js", "--program \"env PORT=1 node x.js\""),
            ("npm run build && node x.js", "`&&` is not understood"),
        ] {
            let Err(Failure::Usage(sentence)) = command_line(line) else {
                panic!("`{line}` is refused");
            };
            assert!(sentence.contains(sign), "{sentence}");
        }
    }

    #[test]
    fn words_keep_their_spaces_and_files_get_their_folder() {
        let line = command_line("sh -c 'echo a b'").unwrap();
        assert_eq!(shlex::split(&line).unwrap(), ["sh", "-c", "echo a b"]);
        let me = env::current_exe().unwrap();
        let (here, name) = (me.parent().unwrap(), me.file_name().unwrap().to_str().unwrap());
        assert_eq!(from_here(name, here), me.display().to_string());
        assert_eq!(from_here("--flag", here), "--flag");
    }
}
