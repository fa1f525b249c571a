//! A census: how many worker processes are alive, counted again and again from outside.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use harness::{Cluster, Kept, Trial, who::children};

use crate::scene::workers;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    /// The most that were alive at once.
    pub(crate) most: usize,
    /// The fewest.
    pub(crate) fewest: usize,
    /// Every worker that was ever seen.
    pub(crate) seen: BTreeSet<u32>,
}

/// Runs `part` while a thread counts the workers of `cluster`.
pub(crate) fn during<T>(cluster: &Cluster, part: impl FnOnce() -> Kept<T>) -> Kept<(T, Count)> {
    let before = children(cluster).len();
    let count = Mutex::new(Count { most: before, fewest: before, seen: BTreeSet::new() });
    let is_over = AtomicBool::new(false);
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            // Polled, because the kernel tells only the parent. It ends with `part`.
            processes::until(Duration::from_hours(1), || {
                let mut there = children(cluster);
                // The kernel does not make this list in one moment: a worker that starts or ends
                // meanwhile may be missing in it. Of two lists at least one has each worker.
                if there.len() < before {
                    there.extend(children(cluster));
                }
                let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
                count.most = count.most.max(there.len());
                count.fewest = count.fewest.min(there.len());
                count.seen.extend(there);
                is_over.load(Ordering::Acquire).then_some(())
            })
        });
        let outcome = part();
        is_over.store(true, Ordering::Release);
        outcome
    });
    let count = count.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok((outcome?, count))
}

impl Count {
    /// Broken if more than `most` were alive at once, or fewer than `fewest`.
    pub(crate) fn expect(&self, trial: &Trial, fewest: usize, most: usize) -> Kept {
        let expected = format!("never fewer than {fewest} workers alive, never more than {most}");
        let (least, many) = (self.fewest, self.most);
        trial.recorder.observe(format!("between {least} and {} were alive", workers(many)));
        trial.expect(many <= most, expected.clone(), format!("{} alive at once", workers(many)))?;
        trial.expect(least >= fewest, expected, format!("only {} alive", workers(least)))
    }
}
