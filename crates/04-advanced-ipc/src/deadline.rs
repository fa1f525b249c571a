//! When a call must have ended. A shutdown brings that moment nearer.

use std::time::Duration;

use supervisor::at;
use tokio::{sync::watch, time::Instant};

/// When a call must have ended. Its clones are the same moment.
#[derive(Clone)]
pub struct Deadline {
    at: Instant,
    closing: Option<Closing>,
}

/// Until when calls may wait once this process shuts down; `None` before that.
#[derive(Clone)]
pub(crate) struct Closing(watch::Sender<Option<Instant>>);

impl Deadline {
    /// From now on `within` this time. Clocks of two processes need not agree on it: what travels is
    /// the time that is left.
    #[must_use]
    pub fn after(within: Duration) -> Self {
        // An instant can't be as late as one likes. A day is later than any call ends.
        Deadline { at: Instant::now() + within.min(Duration::from_hours(24)), closing: None }
    }

    /// The time that is left.
    #[must_use]
    pub fn left(&self) -> Duration {
        self.end().saturating_duration_since(Instant::now())
    }

    /// Waits until it has passed. Cancel safe.
    pub async fn passed(&self) {
        let Some(closing) = &self.closing else { return at(Some(self.at.into_std())).await };
        let mut changes = closing.0.subscribe();
        loop {
            tokio::select! {
                () = at(Some(self.end().into_std())) => return,
                // The sender is ours, so it is never gone.
                _ = changes.changed() => {}
            }
        }
    }

    fn end(&self) -> Instant {
        let closing = self.closing.as_ref().and_then(|closing| *closing.0.borrow());
        closing.map_or(self.at, |end| end.min(self.at))
    }
}

impl Closing {
    pub(crate) fn not_yet() -> Self {
        Closing(watch::Sender::new(None))
    }

    /// A drain has begun and may take `limit`. Calls have half of that, so that their callers hear of
    /// their end while there is time to tell it.
    pub(crate) fn begin(&self, limit: Duration) {
        self.0.send_replace(Some(Instant::now() + limit / 2));
    }

    /// From now on `within` this time, or less if a shutdown begins.
    pub(crate) fn deadline_after(&self, within: Duration) -> Deadline {
        Deadline { closing: Some(self.clone()), ..Deadline::after(within) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_shutdown_brings_a_deadline_nearer_and_never_moves_it_away() {
        let closing = Closing::not_yet();
        let (long, short) = (closing.deadline_after(LONG), closing.deadline_after(LONG / 60));
        assert!(long.left() > LONG / 2);
        closing.begin(LONG / 2);
        assert!(long.left() <= LONG / 4 && short.left() <= LONG / 60);
        closing.begin(Duration::ZERO);
        long.passed().await;
    }
}
