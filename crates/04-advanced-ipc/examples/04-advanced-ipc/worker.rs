//! A worker's side: all its calls go to the primary, which passes them on.

use advanced_ipc::{
    Answer, CallId, Deadline, Failure, Link, Messaging, Place, Question, Slot, What,
};

use crate::{
    gather::gather,
    peer::{Outcome, Peer},
};

/// What a worker calls others with.
pub(crate) struct Caller {
    primary: Peer,
    place: Place,
}

impl Caller {
    pub(crate) fn new(link: Link, place: Place) -> Self {
        Caller { primary: Peer::new(link, place.max_in_flight), place }
    }
}

impl Messaging for Caller {
    async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        self.primary.call(question, deadline).await
    }

    async fn gather(&self, what: What, deadline: Deadline) -> Vec<(Slot, Outcome)> {
        gather(Slot::all(self.place.workers), |to| {
            let question = Question { from: self.place.slot, to, what: what.clone() };
            self.primary.call(question, deadline.clone())
        })
        .await
    }

    fn replied(&self, id: CallId, answer: Result<Answer, Failure>) {
        self.primary.calls.answer(id, answer);
    }

    #[cfg(target_os = "linux")]
    async fn opened_file(&self, deadline: Deadline) -> Option<std::io::Result<std::fs::File>> {
        Some(tokio::select! {
            file = crate::handover::fetch() => file,
            () = deadline.passed() => Err(std::io::ErrorKind::TimedOut.into()),
        })
    }
}
