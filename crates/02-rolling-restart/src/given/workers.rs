//! The workers of this chapter: they are told how far a roll is, and what is cut off on the way is
//! counted.

use std::{mem::take, time::Instant};

use events::{emit, millis};

use super::{Progress, Replaced, Version};
use crate::{fleet::Worker, messages::Nothing, workers};

/// The workers of this primary. What they can do is in [`crate::workers`].
pub type Workers = workers::Workers<Progress, Nothing>;

/// What became of a worker. None reports anything of its own in this chapter.
pub type Notice = workers::Notice<Nothing>;

impl Workers {
    /// Whether each slot has one worker, available and with `version`, and nobody else is there.
    #[must_use]
    pub fn are_settled(&self, version: Version, now: Instant) -> bool {
        let is_right =
            |worker: &Worker| worker.version == version && self.is_available(worker, now);
        self.all().len() == self.limits.slots as usize && self.all().iter().all(is_right)
    }

    /// What `GET /roll` answers from now on, in every worker. Reports it, too.
    pub async fn publish(&mut self, progress: &Progress) {
        let before = self.standing_order.take();
        let before = before.unwrap_or_else(|| Progress::steady(Version::FIRST));
        progress.event_since(&before).iter().for_each(emit);
        let told = before.last.map_or(0, |last| last.cut);
        let is_over = progress.finished > before.finished;
        let mut progress = progress.clone();
        if let Some(last) = &mut progress.last {
            last.cut = if is_over { take(&mut self.cut) } else { told };
        }
        self.tell_all(progress).await;
    }

    /// The slots whose worker with `version` took over from another, and how long that took.
    #[must_use]
    pub fn replaced(&self, version: Version) -> Vec<Replaced> {
        let replaced = self.all().iter().filter(|worker| worker.version == version);
        let mut replaced: Vec<Replaced> = replaced
            .filter_map(|worker| {
                Some(Replaced { worker: worker.slot, millis: millis(worker.replaced_in?) })
            })
            .collect();
        replaced.sort_by_key(|replaced| replaced.worker);
        replaced
    }
}
