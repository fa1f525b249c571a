//! Advanced IPC: what exercise 4 gets. Workers that serve, answer each other and misbehave on demand,
//! and a link to send frames through.
//!
//! Nothing in here decides which worker gets a frame, when a call ends, or what happens when there is no
//! more room. That is what the chapter is about; `examples/04-advanced-ipc/` is one finished answer.
//!
//! What the exercise needs (more is allowed):
//!
//! ```text
//! Config      shared (workers, restart_delay, ..), max_in_flight, queue_limit
//! Frame       Question { id, within, question }, Reply { id, answer }, Message(Message),
//!             Acknowledged { up_to }, Leave
//! Question    from, to, what          What      Echo { .. }, Requests, Keep { .. },
//!                                               Accept { text, priority }
//! Answer      worker, pid, said       Said      Text, Requests, Kept, Accepted { sequence }
//! Failure     Timeout, Died, Full     Message   sequence, from, text
//! CallId(u64)
//! Link        send(frame).await: waits while the peer does not read; clone it for another task
//! queue()     both ends of a queue of messages: push(message, priority), acknowledged(up_to), and
//!             next().await at the other end
//! Topics      answer(&question), forget(slot): which workers get what is published
//! Leftovers   keep(slot, &queue), take(slot): what a dead worker had not acknowledged
//! Slot        all(how_many): every slot
//! Deadline    after(within), left(), passed().await: a shutdown brings it nearer
//! Place       slot, workers, max_open_calls
//! Workers     slots(), start(slot), announce(), next(), deadline(now), kill_overdue(now), all()
//! Notice      Ready(worker), Draining(worker), Drained { worker, .. }, Report(worker, frame),
//!             Exited(worker, exit)
//! link_to(&workers, pid): the link to a worker
//! start_missing(&mut workers, &history); next_notice(&mut workers, &mut history).await
//! shut_down(workers, intents, |notice| ..).await
//! ```
//!
//! | file | idea |
//! |---|---|
//! | [`run`](mod@run) | everything before `primary` has a decision to make |
//! | [`config`] | the settings of PROTOCOL.md |
//! | [`frame`] | what travels between a worker and its primary |
//! | [`link`] | one end of the channel between them |
//! | [`deadline`] | when a call must have ended; a shutdown brings that nearer |
//! | [`queue`](mod@queue) | messages that one worker has not acknowledged |
//! | [`leftovers`] | the same of dead workers, for the next ones |
//! | [`topics`] | which workers get what is published |
//! | [`restart`] | empty slots |
//! | [`shutdown`] | the end: workers that drain still answer each other |
//! | `office` | a worker of this chapter |
//! | `desk` | how it answers what it is asked |
//! | `inbox` | its messages |
//! | `broken` | frames of a broken peer |
//! | `times` | how long calls took |
//! | `routes` | the routes of PROTOCOL.md |
//! | `publish` | those about topics |

mod broken;

pub mod config;
pub mod deadline;
mod desk;
pub mod frame;
mod inbox;
pub mod leftovers;
pub mod link;
mod office;
mod publish;
pub mod queue;
pub mod restart;
mod routes;
pub mod run;
pub mod shutdown;
mod times;
pub mod topics;

use std::{fs::File, io};

#[doc(inline)]
pub use events::{Exit, Pid, Slot};
#[doc(inline)]
pub use supervisor::{Intents, RestartHistory, Worker, at, shut_down_with};

pub use self::{
    config::Config,
    deadline::Deadline,
    frame::{Answer, CallId, Failure, Frame, Message, Priority, Question, Said, What},
    leftovers::Leftovers,
    link::Link,
    office::Place,
    queue::{Queue, queue},
    restart::{next_notice, start_missing},
    run::run,
    shutdown::shut_down,
    topics::Topics,
};

/// The workers of this chapter.
pub type Workers = supervisor::Workers<Frame, Frame>;
/// What becomes of them.
pub type Notice = supervisor::Notice<Frame>;

/// What became of a call.
pub type Outcome = Result<Answer, Failure>;

/// What a worker's routes need: exercise 4 builds it.
pub trait Messaging: Send + Sync + 'static {
    /// Asks one worker, and waits for its answer until `deadline`.
    fn call(
        &self,
        question: Question,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer, Failure>> + Send;

    /// Asks every worker at once, and says what became of each call, by slot.
    fn gather(
        &self,
        what: What,
        deadline: Deadline,
    ) -> impl Future<Output = Vec<(Slot, Result<Answer, Failure>)>> + Send;

    /// The primary has replied to the call `id`.
    fn replied(&self, id: CallId, answer: Result<Answer, Failure>);

    /// The times of the calls of all workers in one list, in any order. `of_each` has a list of each
    /// worker, in milliseconds. An extra.
    fn call_times(&self, of_each: Vec<Vec<u64>>) -> Vec<u64> {
        drop(of_each);
        Vec::new()
    }

    /// A file that the primary has opened, from its descriptor; `None` where no primary passes one on.
    /// The exercise does not need it: the chapter's example shows how.
    fn opened_file(
        &self,
        deadline: Deadline,
    ) -> impl Future<Output = Option<io::Result<File>>> + Send {
        drop(deadline);
        async { None }
    }
}

/// The link to the worker `pid`; `None` when it is gone.
#[must_use]
pub fn link_to(workers: &Workers, pid: Pid) -> Option<Link> {
    workers.link(pid).map(Link::to_worker)
}
