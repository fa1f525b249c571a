//! A picture that changes: drawn anew in its place on a terminal, and once elsewhere.

use std::{
    env,
    io::{IsTerminal, Write, stdout},
    time::{Duration, Instant},
};

use crate::stage::Format;

/// How often a picture changes on a terminal, at most.
const INTERVAL: Duration = Duration::from_millis(80);
/// Columns where the terminal does not say how many there are.
const WIDTH: u16 = 78;

/// Where a picture is drawn.
pub(crate) struct Canvas {
    is_live: bool,
    is_shown: bool,
    drawn: usize,
    last: Option<Instant>,
}

impl Canvas {
    pub(crate) fn new(format: Format) -> Self {
        let is_shown = format == Format::Text;
        Canvas { is_live: is_shown && is_live(), is_shown, drawn: 0, last: None }
    }

    /// Draws what `picture` makes of a width, on a terminal, unless it was drawn a moment ago.
    pub(crate) fn draw_anew(&mut self, picture: &impl Fn(u16) -> Vec<String>) {
        if self.is_live && self.last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            let lines = picture(width());
            // A picture taller than the terminal can't be drawn over: its top has scrolled away.
            if lines.len() < usize::from(height()) {
                self.draw(&lines);
            }
        }
    }

    /// Draws it for the last time.
    pub(crate) fn leave(&mut self, picture: &impl Fn(u16) -> Vec<String>) {
        if self.is_shown {
            self.draw(&picture(width()));
        }
    }

    /// Takes it away.
    pub(crate) fn wipe(&mut self) {
        self.draw(&[]);
    }

    fn draw(&mut self, lines: &[String]) {
        let mut text = String::new();
        if self.drawn > 0 {
            // To the beginning of the first line of the picture before, and clear from there.
            text = format!("\x1b[{}F\x1b[J", self.drawn);
        }
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        (self.drawn, self.last) = (lines.len(), Some(Instant::now()));
        let _ = stdout().write_all(text.as_bytes());
    }
}

/// Whether there is a terminal that can move its cursor.
pub(crate) fn is_live() -> bool {
    let term = env::var("TERM").unwrap_or_default();
    stdout().is_terminal() && !term.is_empty() && term != "dumb"
}

fn height() -> u16 {
    let terminal = terminal_size::terminal_size_of(stdout());
    terminal.map_or(u16::MAX, |(_, terminal_size::Height(rows))| rows)
}

/// The columns of the terminal, 100 at most: time needs no more.
fn width() -> u16 {
    let terminal = terminal_size::terminal_size_of(stdout());
    terminal.map_or(WIDTH, |(terminal_size::Width(columns), _)| columns.clamp(60, 101) - 1)
}
