//! Exercise 4: calls, messages and a broadcast (45 to 60 minutes).
//!
//! Three workers that ask each other, through their primary. Each call ends exactly once, by its deadline,
//! whatever becomes of the worker that is asked. A sick worker fails the calls to it, and no other calls.
//!
//! The numbered functions are yours; you may add to the rest. What you may call is in `advanced_ipc`.
//!
//! ```text
//! read     guide 05-advanced-ipc                      cargo xtask guide 5
//! look up  crates/04-advanced-ipc/src/lib.rs          cargo doc --no-deps -p advanced-ipc -p supervisor --open
//!          routes, variables and statuses             PROTOCOL.md, Exercise 4
//! watch    a finished cluster do it                   cargo xtask run 04-advanced-ipc
//! try      your own cluster, with curl                cargo xtask run exercise-4 --serve
//! check    all promises, easiest first                cargo xtask check exercise-4
//! stuck    a nudge, then more                         cargo xtask hint exercise-4
//! ```

use std::{
    collections::{BTreeMap, HashMap},
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use advanced_ipc::{
    Answer, CallId, Config, Deadline, Failure, Frame, Intents, Leftovers, Link, Message, Messaging,
    Notice, Outcome, Pid, Place, Priority, Question, Queue, RestartHistory, Said, Slot, Topics,
    What, Worker, Workers, link_to, next_notice, queue, shut_down, start_missing,
};
use futures_util::future::join_all;
use tokio::sync::oneshot;

fn main() -> ExitCode {
    advanced_ipc::run(primary, Caller::new)
}

/// The calls that are open on one link, by id.
#[derive(Clone)]
struct Calls(Arc<Mutex<Table>>);

struct Table {
    /// Ids are counted and never given out twice: a late reply must find no call.
    next: u64,
    limit: usize,
    open: HashMap<CallId, oneshot::Sender<Outcome>>,
}

/// A call that is open. Dropping it gives its place back.
struct Call {
    id: CallId,
    outcome: oneshot::Receiver<Outcome>,
    calls: Calls,
}

impl Calls {
    fn new(limit: usize) -> Self {
        let table = Table { next: 0, limit, open: HashMap::new() };
        Calls(Arc::new(Mutex::new(table)))
    }

    /// Never held over an `await`.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Function 1. Opens a call.
    ///
    /// 1. If `limit` calls are open, fail with `Failure::Full`: promise 8 ("gives its place back").
    /// 2. Give it an id that no call of this link had before: promise 6 ("given to no caller").
    /// 3. The table keeps the sender of a `oneshot` channel under that id, the `Call` its receiver.
    fn open(&self) -> Result<Call, Failure> {
        todo!("is there room? Then give the call an id, and keep it")
    }

    /// Function 2. The peer has replied to the call `id`.
    ///
    /// 1. Take that call out of the table, and send it `outcome`: promise 2 ("their own callers").
    /// 2. A reply to a call that isn't open changes nothing: promise 6 ("A late reply").
    fn answer(&self, id: CallId, outcome: Outcome) {
        todo!("whose call is {id:?}, and is it still open?")
    }

    /// Function 3. The peer has died, and everything that it sent has been read.
    ///
    /// Each open call ends with `Failure::Died`: promise 7 ("Calls open on a worker that dies"). A call
    /// that a task opens later needs no rule: its `send` fails, since the channel has no other end.
    fn gone(&self) {
        todo!("end each open call")
    }
}

impl Drop for Call {
    /// Also when the caller has hung up, or its deadline has passed: "however it ends".
    fn drop(&mut self) {
        self.calls.table().open.remove(&self.id);
    }
}

/// One end of a link, and the calls that were made through it. A worker has one, to its primary; the
/// primary has one to each worker.
#[derive(Clone)]
struct Peer {
    link: Link,
    calls: Calls,
}

impl Peer {
    /// Function 4. Asks the peer `question`, and returns what became of that.
    ///
    /// 1. Open a call before you send: the reply may come at once.
    /// 2. Send the question with the id of the call and the time that is left. A send that fails is the
    ///    failure of this call.
    /// 3. Wait for the outcome. `Call` has a `Drop`, so its receiver can't be moved: borrow it.
    ///    If the sender is dropped without an outcome, the peer is gone: `Failure::Died`.
    /// 4. When `deadline` has passed, fail with `Failure::Timeout`, also while you send: promise 4 ("504").
    async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        todo!("open a call, send {question:?}, wait for its outcome or its deadline")
    }
}

/// A worker's side: all its calls go to the primary, which passes them on.
struct Caller {
    peer: Peer,
    place: Place,
}

impl Caller {
    fn new(link: Link, place: Place) -> Self {
        Caller { peer: Peer { link, calls: Calls::new(place.max_open_calls) }, place }
    }
}

impl Messaging for Caller {
    async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        self.peer.call(question, deadline).await
    }

    /// Function 5. Asks every worker, this one too, for `what`: promise 3 ("what all workers").
    ///
    /// 1. Make all calls at once, by the same deadline: a frozen worker must not hold up the others.
    /// 2. Return each slot with the outcome of its call, failures too: promise 9 ("who is missing").
    async fn gather(&self, what: What, deadline: Deadline) -> Vec<(Slot, Outcome)> {
        todo!("ask every worker at once for {what:?}")
    }

    fn replied(&self, id: CallId, outcome: Outcome) {
        self.peer.calls.answer(id, outcome);
    }
}

/// The messages for one worker that were accepted, and are not acknowledged yet.
struct Outbox {
    accepted: u64,
    acknowledged: u64,
    limit: usize,
    /// A task of its own sends what is put in here, one after the other.
    queue: Queue,
}

impl Outbox {
    fn new(link: Link, limit: usize) -> Self {
        let (queue, mut waiting) = queue();
        tokio::spawn(async move {
            while let Some(message) = waiting.next().await {
                if link.send(Frame::Message(message)).await.is_err() {
                    return;
                }
            }
        });
        Outbox { accepted: 0, acknowledged: 0, limit, queue }
    }

    /// Function 6. Accepts `text` for the worker.
    ///
    /// 1. If `limit` messages are accepted and not acknowledged, fail with `Failure::Full`. It does not
    ///    matter how many of them were sent: promise 11 ("Exactly `QUEUE_LIMIT` messages wait").
    /// 2. Number the messages 1, 2, 3, .., and return the number: promise 5 ("once and in order").
    /// 3. Put the message into `queue`, with its priority. Sending it here would wait for the worker.
    fn accept(&mut self, from: Slot, text: String, priority: Priority) -> Result<u64, Failure> {
        todo!("is there room for one more message? Then number it, and queue it")
    }

    /// The worker has this many messages.
    fn acknowledged(&mut self, up_to: u64) {
        self.acknowledged = self.acknowledged.max(up_to.min(self.accepted));
        self.queue.acknowledged(self.acknowledged);
    }
}

/// What the primary has of one worker process.
struct Colleague {
    pid: Pid,
    peer: Peer,
    outbox: Outbox,
}

/// Where all calls and messages come through.
struct Exchange {
    config: Config,
    /// The worker in each slot, from its start to its end. An empty slot has no entry.
    colleagues: BTreeMap<Slot, Colleague>,
    topics: Topics,
    leftovers: Leftovers,
}

impl Exchange {
    fn new(config: Config) -> Self {
        let (colleagues, topics) = Default::default();
        Exchange { config, colleagues, topics, leftovers: Leftovers::new(&config) }
    }

    /// From now on the workers that were just started can be asked, though they aren't ready yet.
    fn welcome(&mut self, workers: &Workers) {
        for worker in workers.all() {
            if self.colleagues.contains_key(&worker.slot) {
                continue;
            }
            let Some(link) = link_to(workers, worker.pid) else { continue };
            let mut outbox = Outbox::new(link.clone(), self.config.queue_limit);
            for (Message { from, text, .. }, priority) in self.leftovers.take(worker.slot) {
                let _ = outbox.accept(from, text, priority);
            }
            let peer = Peer { link, calls: Calls::new(self.config.max_in_flight) };
            self.colleagues.insert(worker.slot, Colleague { pid: worker.pid, peer, outbox });
        }
    }

    fn hear(&mut self, notice: Notice) {
        match notice {
            Notice::Report(worker, frame) => self.route(worker, frame),
            Notice::Exited(worker, _) => {
                let Some(lost) = self.colleagues.remove(&worker.slot) else { return };
                lost.peer.calls.gone();
            }
            Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
        }
    }

    /// `worker` has sent `frame`.
    fn route(&mut self, worker: Worker, frame: Frame) {
        let Some(sender) = self.colleagues.get_mut(&worker.slot) else { return };
        match frame {
            Frame::Question { id, within, question } => {
                let back = sender.peer.link.clone();
                self.pass_on(id, within, question, back);
            }
            Frame::Reply { id, answer } => sender.peer.calls.answer(id, answer),
            Frame::Acknowledged { up_to } => sender.outbox.acknowledged(up_to),
            Frame::Message(_) | Frame::Leave => {}
        }
    }

    /// Function 7. A worker asks `question`. `id` is its call, `within` the time that this call has left,
    /// and `back` the link to that worker.
    ///
    /// 1. Not every question is for a worker. Ask `self.accept`: if it returns an outcome, that is the
    ///    answer. Promise 5 ("/send").
    /// 2. Otherwise call the worker that is asked, through its own peer, with a deadline after `within`:
    ///    promise 2 ("their own callers").
    /// 3. A call to an empty slot fails with `Failure::Died`: promise 7 ("fail at once with 502").
    /// 4. Send the outcome back as a reply to `id`.
    /// 5. Make the call and send the reply in a task of its own. The primary's loop runs this function,
    ///    so while it waits, no worker is served: promise 4 ("and others nothing").
    fn pass_on(&mut self, id: CallId, within: Duration, question: Question, back: Link) {
        todo!("pass {question:?} on, and its outcome back")
    }

    /// The answer to a question to the primary; `None` for any other question.
    fn accept(&mut self, question: &Question) -> Option<Outcome> {
        let What::Accept { text, priority } = &question.what else {
            return self.topics.answer(question);
        };
        let Some(to) = self.colleagues.get_mut(&question.to) else {
            return Some(Err(Failure::Died));
        };
        let (worker, pid) = (question.to, to.pid);
        let accepted = to.outbox.accept(question.from, text.clone(), *priority);
        Some(accepted.map(|sequence| Answer { worker, pid, said: Said::Accepted { sequence } }))
    }
}

/// Keeps a worker in each slot, and passes on calls and messages, until a signal asks for the end.
async fn primary(config: Config, mut workers: Workers, mut intents: Intents) -> ExitCode {
    let mut exchange = Exchange::new(config);
    let mut history = RestartHistory::with_settings(&config.shared);
    workers.announce();
    loop {
        start_missing(&mut workers, &history);
        exchange.welcome(&workers);
        let notice = tokio::select! {
            notice = next_notice(&mut workers, &mut history) => notice,
            _ = intents.next() => break,
        };
        if let Some(notice) = notice {
            exchange.hear(notice);
        }
    }
    shut_down(workers, intents, |notice| exchange.hear(notice)).await
}
