//! A long text on a terminal goes through a pager; without one, or into a pipe, it is printed.

use std::{
    env,
    io::{IsTerminal, Write, stdout},
    process::{Command, Stdio},
};

use crate::terminal::{is_dumb, say};

/// Shows `text`.
pub(crate) fn show(text: &str) {
    if !stdout().is_terminal() || is_dumb() || page(text).is_none() {
        say(text);
    }
}

fn page(text: &str) -> Option<()> {
    let pager = env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| "less -FRX".into());
    let words = shlex::split(&pager)?;
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    // A bare `less` would show the escape sequences of our colours as text.
    command.args(arguments).env("LESS", "FRX").stdin(Stdio::piped());
    if env::var_os("LESSCHARSET").is_none() {
        // The text is UTF-8, whatever the locale says.
        command.env("LESSCHARSET", "utf-8");
    }
    // The pager decides what Ctrl-C means, and the prompt comes back when it has ended.
    processes::leave_to_foreground().ok()?;
    let mut child = command.spawn().ok()?;
    // A reader who leaves the pager early closes the pipe.
    let _ = child.stdin.take()?.write_all(text.as_bytes());
    child.wait().ok().map(drop)
}
