//! A busy machine: threads that leave no core idle.

use std::{
    hint::spin_loop,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Busy loops. Dropping it ends them.
pub struct Busy(Arc<AtomicBool>);

impl Busy {
    /// Starts two loops for each core.
    #[must_use]
    pub fn every_core() -> Self {
        let cores = thread::available_parallelism().map_or(2, NonZero::get);
        let is_over = Arc::new(AtomicBool::new(false));
        for _ in 0..2 * cores {
            let is_over = is_over.clone();
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    spin_loop();
                }
            });
        }
        Busy(is_over)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
