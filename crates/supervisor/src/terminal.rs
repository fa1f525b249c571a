//! Whether the terminal that this process was started from is still there.
//!
//! A closed terminal sends SIGHUP. An operator sends SIGHUP, too, to ask for something else. A
//! process that has lost its terminal can't open `/dev/tty` any more (man `tty(4)`).

use std::fs::File;

/// The terminal at the start of this process.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    was_there: bool,
}

impl Terminal {
    /// Looks whether there is one now.
    #[must_use]
    pub fn look() -> Self {
        Terminal { was_there: is_there() }
    }

    /// Whether it was there, and is gone.
    #[must_use]
    pub fn was_closed(self) -> bool {
        self.was_there && !is_there()
    }
}

fn is_there() -> bool {
    File::open("/dev/tty").is_ok()
}
