//! Releasing resources in the reverse of the order in which they were taken.
//!
//! What was taken later may stand on what was taken earlier: a journal is written before the lock
//! is given up that keeps others from writing it.

use std::{io, time::Duration};

use tokio::{task::spawn_blocking, time::timeout};

/// How long one step may take. A disk that hangs must not hold the exit.
const STEP_LIMIT: Duration = Duration::from_secs(1);

type Step = Box<dyn FnOnce() -> io::Result<String> + Send>;

/// The steps that undo what was set up.
#[derive(Default)]
pub(crate) struct Cleanup {
    steps: Vec<(&'static str, Step)>,
}

/// What became of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CleanedUp {
    /// Which one.
    pub(crate) resource: &'static str,
    /// What there was to do, or what went wrong.
    pub(crate) detail: String,
    /// Whether it was released: what it held may be lost otherwise.
    pub(crate) is_done: bool,
}

impl Cleanup {
    /// Remembers how to release `resource`, right after it was taken.
    pub(crate) fn add(
        &mut self,
        resource: &'static str,
        release: impl FnOnce() -> io::Result<String> + Send + 'static,
    ) {
        self.steps.push((resource, Box::new(release)));
    }

    /// Releases everything, the last first. A step that fails or hangs does not stop the others.
    pub(crate) async fn run(self) -> Vec<CleanedUp> {
        let mut done = Vec::new();
        for (resource, release) in self.steps.into_iter().rev() {
            // A thread of its own: a disk that hangs blocks the thread that waits for it.
            let result = match timeout(STEP_LIMIT, spawn_blocking(release)).await {
                Ok(Ok(Ok(detail))) => Ok(detail),
                Ok(Ok(Err(error))) => Err(format!("failed: {error}")),
                Ok(Err(panic)) => Err(format!("failed: {panic}")),
                Err(_) => Err(format!("gave up after {} s", STEP_LIMIT.as_secs())),
            };
            let is_done = result.is_ok();
            let detail = result.unwrap_or_else(|why| why);
            done.push(CleanedUp { resource, detail, is_done });
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_last_taken_is_released_first_and_a_failure_stops_nothing() {
        let mut cleanup = Cleanup::default();
        cleanup.add("lock", || Ok("given up".to_owned()));
        cleanup.add("socket", || Err(io::Error::other("gone")));
        cleanup.add("journal", || Ok("3 lines written".to_owned()));
        let done = cleanup.run().await;
        let read: Vec<_> = done.iter().map(|step| (step.detail.as_str(), step.is_done)).collect();
        let wanted = [("3 lines written", true), ("failed: gone", false), ("given up", true)];
        assert_eq!(read, wanted);
    }
}
