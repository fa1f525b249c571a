//! A worker's side: all its calls go to the primary, which passes them on.

use advanced_ipc::{
    Answer, CallId, Deadline, Failure, Link, Messaging, Outcome, Place, Question, Slot, What,
};

use crate::{gather::gather, peer::Peer};

/// What a worker calls others with.
pub(crate) struct Caller {
    primary: Peer,
    place: Place,
}

impl Caller {
    pub(crate) fn new(link: Link, place: Place) -> Self {
        Caller { primary: Peer::new(link, place.max_open_calls), place }
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

    /// A percentile of all calls is not the mean of the workers' percentiles, so each worker sends its
    /// figures themselves.
    fn call_times(&self, of_each: Vec<Vec<u64>>) -> Vec<u64> {
        of_each.concat()
    }

    #[cfg(target_os = "linux")]
    async fn opened_file(&self, deadline: Deadline) -> Option<std::io::Result<std::fs::File>> {
        Some(tokio::select! {
            file = crate::handover::fetch() => file,
            () = deadline.passed() => Err(std::io::ErrorKind::TimedOut.into()),
        })
    }
}
