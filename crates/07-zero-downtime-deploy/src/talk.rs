//! What primary and workers of this chapter say to each other.

use supervisor::calls::{Down, Up};

use crate::{Answer, Split};

/// What the primary tells a worker: the split, and that it has counted a batch.
pub type Order = Down<(), Split>;
/// What a worker reports: a batch of counted answers, and that it has heard a split.
pub type Report = Up<Vec<Answer>>;
/// The workers of this chapter.
pub type Workers = supervisor::Workers<Order, Report>;
/// What becomes of them.
pub type Notice = supervisor::Notice<Report>;
