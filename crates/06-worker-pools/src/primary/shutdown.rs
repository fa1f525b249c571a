//! The end: what runs is finished, nothing more is started, and the rest stays in the spool.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use supervisor::{ESCALATION, Intent, Intents, Server, Tally, at, drain};

use super::Primary;
use crate::{
    pool::TaskPool,
    talk::{Notice, Workers},
};

/// How long clients may take to read their last answers, after the lame duck.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

impl<P: TaskPool> Primary<P> {
    /// Clients are answered to the end: they want to know what became of their tasks.
    pub(super) async fn shut_down(
        mut self,
        server: Server,
        mut workers: Workers,
        mut intents: Intents,
    ) -> ExitCode {
        let limit = self.config.shared.drain_timeout;
        server.announce_close();
        self.tally = Some(Tally::begin(intents.last_name(), limit));
        workers.drain_all(limit);
        let mut leave_at = None;
        while !workers.is_empty() {
            let deadline = self.deadline(&workers);
            tokio::select! {
                notice = workers.next() => self.hear(&notice),
                Some(question) = self.questions.recv() => self.answer(&mut workers, question),
                intent = intents.next() => {
                    if intent == Intent::ShutdownNow && leave_at.is_none() {
                        self.force();
                        workers.kill_all("a second signal");
                        leave_at = Some(Instant::now() + ESCALATION);
                    }
                }
                // A process that waits for its disk dies of SIGKILL only when the disk has answered.
                () = at(leave_at) => break,
                () = at(deadline) => self.tick(&mut workers, deadline).await,
            }
        }
        if leave_at.is_none() && !self.close(server, &mut workers, &mut intents).await {
            self.force();
        }
        self.tally.map_or(ExitCode::FAILURE, Tally::conclude)
    }

    /// A worker that was killed over its task has lost nothing: that task has failed.
    pub(super) fn tally(&mut self, notice: &Notice) {
        let recycled = &self.recycled;
        let is_recycled = matches!(notice, Notice::Exited(lost, _) if recycled.contains(&lost.pid));
        if let Some(tally) = self.tally.as_mut().filter(|_| !is_recycled) {
            tally.add(notice);
        }
    }

    fn force(&mut self) {
        if let Some(tally) = &mut self.tally {
            tally.force();
        }
    }

    /// The last task has ended: says so where the tasks lie, then closes the connections, and goes on
    /// answering meanwhile. Returns whether that came to its end, and not a second signal.
    async fn close(
        &mut self,
        mut server: Server,
        workers: &mut Workers,
        intents: &mut Intents,
    ) -> bool {
        tokio::select! {
            () = self.pool.close() => {}
            _ = intents.next() => return false,
        }
        let lame_duck = self.config.shared.lame_duck;
        let closed = drain(&mut server, lame_duck, lame_duck + LAST_ANSWERS);
        tokio::pin!(closed);
        loop {
            tokio::select! {
                _ = &mut closed => return true,
                Some(question) = self.questions.recv() => self.answer(workers, question),
                _ = intents.next() => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests;
