//! Writing for a person: at most as wide as their terminal, and no cursor movement into a pipe.
//!
//! Printing goes through [`say`], because `println!` panics when the reader of a pipe has left
//! (`cargo xtask guide 1 | head`).

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
};

use crate::{
    exit::{Failure, Outcome, Verdict},
    wrap::plain,
};

const WIDTH_OFF_A_TERMINAL: usize = 80;
const WIDEST_THAT_READS_WELL: usize = 100;
/// Below this nothing reads well, and a terminal that says 0 columns does not know.
const NARROWEST: usize = 20;

/// Why output was lost, unless its reader had left.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Decides once whether there is colour, for the runner and for what it starts.
pub(crate) fn decide_colours() {
    let is_wanted = wants_colour(|name| env::var(name).ok(), io::stdout().is_terminal());
    colored::control::set_override(is_wanted);
}

/// `NO_COLOR` counts unless it is empty (no-color.org), then `CLICOLOR_FORCE` and `CLICOLOR`
/// (bixense.com/clicolors), then the terminal.
fn wants_colour(variable: impl Fn(&str) -> Option<String>, is_terminal: bool) -> bool {
    let is_set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is_on = |name: &str| variable(name).is_some_and(|value| !value.is_empty() && value != "0");
    if is_set("NO_COLOR") {
        return false;
    }
    if is_on("CLICOLOR_FORCE") {
        return true;
    }
    let is_off = variable("CLICOLOR").is_some_and(|value| value == "0");
    is_terminal && !is_off && variable("TERM").is_none_or(|term| term != "dumb")
}

/// Whether the terminal can't move its cursor.
pub(crate) fn is_dumb() -> bool {
    env::var("TERM").map_or(true, |term| term.is_empty() || term == "dumb")
}

/// The columns that may be filled.
pub(crate) fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    let terminal = terminal.filter(|(columns, _)| columns.0 > 0);
    terminal.map_or(WIDTH_OFF_A_TERMINAL, |(columns, _)| {
        usize::from(columns.0).clamp(NARROWEST, WIDEST_THAT_READS_WELL)
    })
}

/// Prints `text` and a newline on stdout. The reader may be gone; that isn't an error.
pub(crate) fn say(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        *LOST.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// The outcome `verdict`, unless something that was said did not arrive (a full disk).
pub(crate) fn everything_was_said(verdict: Verdict) -> Outcome {
    match LOST.lock().unwrap_or_else(PoisonError::into_inner).take() {
        None => Ok(verdict),
        Some(error) => {
            Err(Failure::Environment(format!("The output could not be written ({error}).")))
        }
    }
}

/// The same on stderr: progress, notes, and why a command failed.
pub(crate) fn note(text: impl AsRef<str>) {
    let mut stderr = io::stderr().lock();
    // The colours were decided for stdout.
    let _ = if stderr.is_terminal() {
        writeln!(stderr, "{}", text.as_ref())
    } else {
        writeln!(stderr, "{}", plain(text.as_ref()))
    };
}

/// Whether a person watches.
pub(crate) fn is_watched() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// Whether a line can be shown and taken away again.
pub(crate) fn is_live() -> bool {
    is_watched() && !is_dumb()
}

/// One line at the bottom of the terminal that says what is going on, and is gone afterwards.
/// Off a terminal it never appears.
pub(crate) struct Ticker {
    enabled: bool,
    shown: bool,
}

impl Ticker {
    pub(crate) fn new() -> Self {
        Ticker { enabled: is_live(), shown: false }
    }

    /// Shows `text` in place of what was shown before.
    pub(crate) fn show(&mut self, text: &str) {
        if self.enabled {
            let line = events::timeline::clip(text, width() - 1);
            let dimmed = colored::Colorize::dimmed(line.as_str());
            let _ = write!(io::stderr().lock(), "\r\x1b[K{dimmed}");
            self.shown = true;
        }
    }

    /// Takes the line away; whatever is printed next begins in the first column.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            let _ = write!(io::stderr().lock(), "\r\x1b[K");
        }
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_asked_of_the_variables_and_then_of_the_terminal() {
        let wants = |set: &[(&str, &str)], is_terminal: bool| {
            let variable = |name: &str| {
                set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            };
            wants_colour(variable, is_terminal)
        };
        assert!(wants(&[], true) && !wants(&[], false));
        assert!(!wants(&[("NO_COLOR", "1")], true));
        assert!(wants(&[("NO_COLOR", "")], true), "an empty one says nothing");
        assert!(wants(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!wants(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false));
        assert!(!wants(&[("CLICOLOR", "0")], true) && !wants(&[("TERM", "dumb")], true));
    }
}
