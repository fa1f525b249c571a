//! One call: open it, send it, wait for its end, and one deadline around all of it.

use advanced_ipc::{Answer, Deadline, Failure, Frame, Link, Outcome, Question};

use crate::calls::Calls;

/// One end of a link, and the calls that were made through it. A worker has one, to its primary; the
/// primary has one to each worker. Its clones are the same end.
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) link: Link,
    pub(crate) calls: Calls<Answer>,
}

impl Peer {
    /// The peer at the other end of `link`, which may be asked `limit` calls at a time.
    pub(crate) fn new(link: Link, limit: usize) -> Self {
        Peer { link, calls: Calls::new(limit) }
    }

    /// Asks the peer `question`.
    pub(crate) async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        let mut call = self.calls.open()?;
        let asked = async {
            // Clocks need not agree: what travels is the time that is left.
            let (id, within) = (call.id, deadline.left());
            self.link.send(Frame::Question { id, within, question }).await?;
            call.outcome().await
        };
        // Around the sending too: a peer that reads nothing holds up the task that writes to it.
        tokio::select! {
            outcome = asked => outcome,
            () = deadline.passed() => Err(Failure::Timeout),
        }
    }
}
