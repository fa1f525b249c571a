//! What may be done about a worker, and why.

use events::{Condition, Level, Pid, Slot};

/// What is to be done about a worker, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Healthy,
    /// An operator should know.
    Warn(Condition, String),
    /// Replace it, and let it finish what it holds.
    Drain(Condition, String),
    /// Replace it; it would not hear an order to drain.
    Kill(Condition, String),
}

/// Something that an alert says about a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What is the matter.
    pub condition: Condition,
    /// The same in words.
    pub text: String,
}

impl Finding {
    /// Something is the matter, and the primary acts on it.
    #[must_use]
    pub fn critical(condition: Condition, text: String) -> Self {
        Finding { level: Level::Critical, condition, text }
    }

    /// What the active alert said is over.
    #[must_use]
    pub fn resolved((_, condition): (Level, Condition)) -> Self {
        Finding { level: Level::Resolved, condition, text: "well again".to_owned() }
    }
}

impl Verdict {
    /// Whether the worker can be relied on: the primary is not about to replace it.
    #[must_use]
    pub fn is_reliable(&self) -> bool {
        matches!(self, Verdict::Healthy | Verdict::Warn(..))
    }

    /// What an alert says about it; `None` when all is well.
    #[must_use]
    pub fn finding(&self) -> Option<Finding> {
        let (level, condition, text) = match self {
            Verdict::Healthy => return None,
            Verdict::Warn(condition, text) => (Level::Warning, condition, text),
            Verdict::Drain(condition, text) | Verdict::Kill(condition, text) => {
                (Level::Critical, condition, text)
            }
        };
        Some(Finding { level, condition: *condition, text: text.clone() })
    }
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Start a worker in this slot.
    Start(Slot),
    /// Tell this worker to drain.
    Drain(Pid),
    /// Kill this worker.
    Kill(Pid),
}
