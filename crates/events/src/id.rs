//! Slots and process numbers: two kinds of number that must not be mixed up.

use std::{fmt, num::ParseIntError, str::FromStr};

use serde::{Deserialize, Serialize};

/// A place in the cluster that a worker fills, numbered from 1. A replacement takes the slot over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Slot(pub u32);

impl Slot {
    /// The slots of a cluster of `count` workers, in order.
    pub fn all(count: u32) -> impl Iterator<Item = Slot> + Clone {
        (1..=count).map(Slot)
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Slot {
    type Err = ParseIntError;

    fn from_str(text: &str) -> Result<Self, ParseIntError> {
        text.parse().map(Slot)
    }
}

/// The kernel's number of a process. It is a name only until the process is reaped: then the kernel
/// may give it to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pid(pub u32);

impl Pid {
    /// This process.
    #[must_use]
    pub fn own() -> Self {
        Pid(std::process::id())
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One worker process, and the slot that it fills: `"worker":2,"pid":4242` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkerId {
    /// The slot that it fills.
    #[serde(rename = "worker")]
    pub slot: Slot,
    /// Its process.
    pub pid: Pid,
}
