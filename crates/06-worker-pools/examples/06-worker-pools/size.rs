//! How many workers there should be: as many as there is work for, between two bounds.
//!
//! It grows at once, because a task waits. It shrinks by one worker at a time, after a while in which
//! one was enough less: a pool that shrinks at once starts a process for each task that comes.

use std::time::{Duration, Instant};

use cluster_basics::config::{self, ConfigError};

/// How long a worker must have been too many.
const CALM: Duration = Duration::from_secs(1);

/// The size of a pool.
#[derive(Debug)]
pub(crate) struct Size {
    /// `None` for all that there may be.
    least: Option<usize>,
    now: usize,
    /// Since when one worker is too many.
    calm_since: Option<Instant>,
}

impl Size {
    /// Reads `MIN_WORKERS`; `WORKERS` is the upper bound. Without it the size never changes.
    pub(crate) fn from_env() -> Result<Self, ConfigError> {
        let least = match config::number("MIN_WORKERS", 0)? {
            0 => None,
            least => Some(least as usize),
        };
        Ok(Size { least, now: 0, calm_since: None })
    }

    /// The size for `tasks` that have not ended, of `most` workers that there may be.
    pub(crate) fn wanted(&mut self, tasks: usize, most: usize, now: Instant) -> usize {
        let Some(least) = self.least else { return most };
        let needed = tasks.clamp(least.min(most), most);
        if needed >= self.now {
            (self.now, self.calm_since) = (needed, None);
        } else if *self.calm_since.get_or_insert(now) + CALM <= now {
            (self.now, self.calm_since) = (self.now - 1, Some(now));
        }
        self.now
    }

    /// When it may shrink.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.calm_since.map(|since| since + CALM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_at_once_and_shrinks_one_by_one() {
        let mut size = Size { least: Some(1), now: 0, calm_since: None };
        let start = Instant::now();
        let mut at = |tasks, calms: u32| size.wanted(tasks, 4, start + CALM * calms);
        assert_eq!(at(0, 0), 1, "never fewer than the least");
        assert_eq!(at(9, 0), 4, "never more than there may be");
        assert_eq!(at(1, 1), 4, "it has just become calm");
        assert_eq!(at(1, 2), 3);
        assert_eq!(at(1, 2), 3);
        assert_eq!(at(4, 3), 4);
        assert_eq!(at(1, 4), 4, "the calm begins anew");
    }

    #[test]
    fn without_a_lower_bound_it_never_changes() {
        let mut size = Size { least: None, now: 0, calm_since: None };
        assert_eq!(size.wanted(0, 4, Instant::now()), 4);
        assert_eq!(size.deadline(), None);
    }
}
