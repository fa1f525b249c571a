//! Writing for a person: at most as wide as their terminal, and no cursor movement into a pipe.
//!
//! Printing goes through [`say`], because `println!` panics when the reader of a pipe has left
//! (`cargo xtask guide 1 | head`).

use std::io::{self, IsTerminal, Write};

const WIDTH_OFF_A_TERMINAL: usize = 80;
const WIDEST_THAT_READS_WELL: usize = 100;

/// The columns that may be filled.
pub(crate) fn width() -> usize {
    let terminal = terminal_size::terminal_size_of(io::stdout());
    terminal.map_or(WIDTH_OFF_A_TERMINAL, |(columns, _)| {
        usize::from(columns.0).clamp(40, WIDEST_THAT_READS_WELL)
    })
}

/// Prints `text` and a newline on stdout. The reader may be gone; that isn't an error.
pub(crate) fn say(text: impl AsRef<str>) {
    let mut stdout = io::stdout().lock();
    let _ = writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush());
}

/// The same on stderr: progress, notes, and why a command failed.
pub(crate) fn note(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Whether a person watches.
pub(crate) fn is_watched() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// One line at the bottom of the terminal that says what is going on, and is gone afterwards.
/// Off a terminal it never appears.
pub(crate) struct Ticker {
    enabled: bool,
    shown: bool,
}

impl Ticker {
    pub(crate) fn new() -> Self {
        Ticker { enabled: is_watched(), shown: false }
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
