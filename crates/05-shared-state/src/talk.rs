//! What workers and primary of this chapter say to each other.

use events::Slot;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use supervisor::calls::{Down, Up};

/// What a worker asks of its primary.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Its word: are there news that the worker has not heard?
    Word,
    /// To tell all workers that this key has changed.
    TellAll {
        /// The key.
        key: String,
    },
    /// Something that the chapter's primary knows ([`crate::Keeper`]).
    Keeper(Value),
}

/// What the primary says to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Said {
    /// Its word.
    Word {
        /// The number of the last news that it told.
        last: u64,
    },
    /// All workers were told, or had no more time.
    Told {
        /// Those that have acknowledged it.
        acknowledged: Vec<Slot>,
    },
    /// What the chapter's primary says.
    Keeper(Value),
}

/// The key that has changed.
pub type Key = String;

/// The workers of this chapter.
pub type Workers = supervisor::Workers<Down<Said, Key>, Up<Ask>>;
/// What becomes of them.
pub type Notice = supervisor::Notice<Up<Ask>>;
