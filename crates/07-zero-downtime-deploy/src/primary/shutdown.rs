//! The end: the stable workers drain first. The candidate's workers get nothing new once these are gone.

use std::{process::ExitCode, time::Instant};

use supervisor::{ESCALATION, Intent, Intents, Tally, at};

use super::{Primary, candidates_of, stable};
use crate::{Deploys, talk::Workers};

impl<D: Deploys> Primary<D> {
    /// A deploy under way is not ended. The next start of the program finds it in the log.
    pub async fn shut_down(self, mut workers: Workers, mut intents: Intents) -> ExitCode {
        let slots = self.slots();
        let _says_503 = self.admin.close();
        drop(self.taking_back);
        let mut tally = Tally::begin(intents.last_name(), self.config.shared.drain_timeout);
        workers.stop_listening();
        for worker in stable(&workers, slots) {
            workers.drain(worker.pid);
        }
        let mut leave_at = None;
        while !workers.is_empty() {
            if stable(&workers, slots).is_empty() {
                for worker in candidates_of(&workers, slots) {
                    workers.drain(worker.pid);
                }
            }
            let deadline = workers.deadline(Instant::now());
            tokio::select! {
                notice = workers.next() => tally.add(&notice),
                intent = intents.next() => {
                    if intent == Intent::ShutdownNow && leave_at.is_none() {
                        tally.force();
                        workers.kill_all("a second signal");
                        leave_at = Some(Instant::now() + ESCALATION);
                    }
                }
                // A process that waits for its disk dies of SIGKILL only when the disk has answered.
                () = at(leave_at) => break,
                () = at(deadline) => workers.kill_overdue(Instant::now()),
            }
        }
        tally.conclude()
    }
}
