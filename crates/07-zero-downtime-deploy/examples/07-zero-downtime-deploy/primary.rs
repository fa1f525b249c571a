//! The event loop of a primary: whatever happens first, one thing after the other.

use std::{process::ExitCode, time::Instant};

use cluster_basics::StartError;
use supervisor::at;

use crate::{rehearsal, replacement::Progress, standstill::Running};

/// What can happen to a primary beside what [`Primary`](zero_downtime_deploy::primary::Primary) does by itself.
enum Turn {
    /// Nothing: it has happened.
    Done,
    Replacement(Progress),
    ShutDown,
}

impl Running {
    /// Serves until a signal asks for the end, or as the next program.
    ///
    /// # Errors
    /// When a replacement fails, and the way back, too.
    pub(crate) async fn run(mut self) -> Result<ExitCode, StartError> {
        loop {
            // One look at the clock: what falls due after it is still ahead.
            let now = Instant::now();
            self.primary.go_on(&mut self.workers, now);
            self.begin();
            match self.turn(now).await {
                Turn::Done | Turn::Replacement(Progress::Asked) => {}
                Turn::Replacement(Progress::Rehearsed(Ok(()))) => {
                    self.replacement.pause(self.primary.pause());
                }
                Turn::Replacement(Progress::Rehearsed(Err(reason))) => self.refuse(&reason),
                Turn::Replacement(Progress::Paused) => self = self.become_the_next().await?,
                Turn::ShutDown => {
                    return Ok(self.primary.shut_down(self.workers, self.intents).await);
                }
            }
        }
    }

    async fn turn(&mut self, now: Instant) -> Turn {
        let deadline = self.primary.deadline(&self.workers, now);
        tokio::select! {
            notice = self.workers.next() => {
                if let Some((pid, order)) = self.primary.hear(notice) {
                    self.workers.tell_one(pid, order);
                }
                Turn::Done
            }
            question = self.primary.question() => {
                self.primary.answer(question);
                Turn::Done
            }
            () = at(deadline) => {
                self.primary.tick(&mut self.workers);
                Turn::Done
            }
            progress = self.replacement.next() => Turn::Replacement(progress),
            _ = self.intents.next() => Turn::ShutDown,
        }
    }

    /// Begins the rehearsal that an operator asked for.
    fn begin(&mut self) {
        if !self.replacement.begins() {
            return;
        }
        // Two things that change at once have two causes for whatever goes wrong.
        if !self.primary.deploys().is_steady() {
            return self.refuse("a deploy is under way");
        }
        match self.draft() {
            Ok(draft) => {
                let within = self.workers.settings().ready_timeout;
                self.primary.hold_deploys(true);
                let program = self.replacement.program();
                self.replacement.rehearse(rehearsal::begin(program, &draft, within));
            }
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    fn refuse(&mut self, reason: &str) {
        self.replacement.refuse(reason);
        self.primary.hold_deploys(false);
    }
}
