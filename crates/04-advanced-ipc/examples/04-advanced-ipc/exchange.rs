//! The primary's side: what a worker sends goes where it belongs. Nothing in here waits: what takes
//! time gets a task of its own, so a worker that does not read costs the others nothing.

use std::collections::{BTreeMap, BTreeSet};

use advanced_ipc::{
    Answer, CallId, Config, Deadline, Failure, Frame, Leftovers, Link, Notice, Outcome, Pid,
    Question, Said, Slot, Topics, What, Worker, Workers, link_to,
};
use tokio::sync::watch;

use crate::colleague::Colleague;

/// Where all calls and messages come through.
pub(crate) struct Exchange {
    config: Config,
    /// By slot. An empty slot has no entry.
    colleagues: BTreeMap<Slot, Colleague>,
    topics: Topics,
    leftovers: Leftovers,
    /// Workers whose own clients have their answers.
    drained: BTreeSet<Pid>,
    /// The processes of the workers that are there.
    processes: watch::Sender<BTreeSet<Pid>>,
}

impl Exchange {
    pub(crate) fn new(config: Config) -> Self {
        let (colleagues, topics, drained, processes) = Default::default();
        let leftovers = Leftovers::new(&config);
        Exchange { config, colleagues, topics, leftovers, drained, processes }
    }

    /// The processes of the workers that are there, as they come and go.
    pub(crate) fn processes(&self) -> watch::Receiver<BTreeSet<Pid>> {
        self.processes.subscribe()
    }

    /// From now on workers that were just started can be asked, though they aren't ready yet.
    pub(crate) fn welcome(&mut self, workers: &Workers) {
        for worker in workers.all() {
            if self.colleague(worker).is_none()
                && let Some(link) = link_to(workers, worker.pid)
            {
                let mut colleague = Colleague::new(worker.pid, link, &self.config);
                colleague.accept_leftovers(&mut self.leftovers, worker.slot);
                self.colleagues.insert(worker.slot, colleague);
            }
        }
        self.publish_processes();
    }

    fn publish_processes(&self) {
        let processes = self.colleagues.values().map(|known| known.pid).collect();
        self.processes.send_replace(processes);
    }

    /// What becomes of the workers, and what they say.
    pub(crate) fn hear(&mut self, workers: &mut Workers, notice: Notice) {
        match notice {
            Notice::Report(worker, frame) => self.route(&worker, frame),
            Notice::Drained { worker, .. } => drop(self.drained.insert(worker.pid)),
            Notice::Exited(worker, _) => self.lost(&worker),
            Notice::Ready(_) | Notice::Draining(_) => {}
        }
        // As long as one worker has clients, it may ask another one.
        let is_drained = |worker: &Worker| self.drained.contains(&worker.pid);
        if !self.drained.is_empty() && workers.all().iter().all(is_drained) {
            workers.tell_all(Frame::Leave);
        }
    }

    /// What is known of the process `worker`, and not of an earlier process in its slot.
    fn colleague(&mut self, worker: &Worker) -> Option<&mut Colleague> {
        self.colleagues.get_mut(&worker.slot).filter(|known| known.pid == worker.pid)
    }

    /// `worker` is gone. What it said before was heard before.
    fn lost(&mut self, worker: &Worker) {
        if self.colleague(worker).is_some()
            && let Some(lost) = self.colleagues.remove(&worker.slot)
        {
            lost.gone(&mut self.leftovers, worker.slot);
            self.topics.forget(worker.slot);
            self.publish_processes();
        }
    }

    fn route(&mut self, worker: &Worker, frame: Frame) {
        let Some(sender) = self.colleague(worker) else { return };
        match frame {
            Frame::Question { id, within, question } => {
                let asker =
                    Asker { link: sender.peer.link.clone(), id, life: sender.life.subscribe() };
                self.pass_on(asker, question, Deadline::after(within));
            }
            Frame::Reply { id, answer } => sender.peer.calls.answer(id, answer),
            Frame::Acknowledged { up_to } => sender.acknowledged(up_to),
            // Only a primary sends these.
            Frame::Message(_) | Frame::Leave => {}
        }
    }

    fn pass_on(&mut self, asker: Asker, question: Question, deadline: Deadline) {
        if let Some(outcome) = self.topics.answer(&question) {
            return asker.spawn_reply(async { outcome });
        }
        let Some(to) = self.colleagues.get_mut(&question.to) else {
            return asker.spawn_reply(async { Err(Failure::Died) });
        };
        if let What::Accept { text, priority } = question.what {
            let (worker, pid) = (question.to, to.pid);
            let accepted = to
                .accept(question.from, text, priority)
                .map(|sequence| Said::Accepted { sequence });
            let outcome = accepted.map(|said| Answer { worker, pid, said });
            return asker.spawn_reply(async { outcome });
        }
        // Under an id of that link: two askers may both have a call 7.
        let peer = to.peer.clone();
        asker.spawn_reply(async move { peer.call(question, deadline).await });
    }
}

/// A worker that waits for an answer.
struct Asker {
    link: Link,
    /// Its own id for the call.
    id: CallId,
    life: watch::Receiver<()>,
}

impl Asker {
    /// Replies with `outcome`, on a task of its own.
    fn spawn_reply(self, outcome: impl Future<Output = Outcome> + Send + 'static) {
        tokio::spawn(while_alive(self.life, async move {
            let frame = Frame::Reply { id: self.id, answer: outcome.await };
            // If the asker is gone, so is its caller.
            let _ = self.link.send(frame).await;
        }));
    }
}

/// Drops `work` when its asker's `life` ends: a call that no worker waits for must not keep its place.
async fn while_alive(mut life: watch::Receiver<()>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = life.changed() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::Calls;

    #[tokio::test]
    async fn a_call_gives_its_place_back_when_the_worker_that_asked_is_gone() {
        let calls: Calls<u8> = Calls::new(1);
        let mut call = calls.open().expect("a place");
        let (asker, life) = watch::channel(());
        let waiting = tokio::spawn(while_alive(life, async move {
            let _ = call.outcome().await;
        }));
        drop(asker);
        waiting.await.expect("it ends");
        assert!(calls.open().is_ok());
    }
}
