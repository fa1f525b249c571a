//! Exercise 4: calls, messages and a broadcast (60 minutes).
//!
//! Three workers that ask each other, through their primary. Each call ends exactly once, by its deadline,
//! whatever becomes of the worker that is asked; and no worker costs another one more than its own calls.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given: they
//! serve, answer each other, and misbehave on demand. What you may call is in `advanced_ipc`.
//!
//! ```text
//! read     guide 05-advanced-ipc                      cargo xtask guide 5
//! look up  crates/04-advanced-ipc/src/lib.rs          cargo doc --no-deps -p advanced-ipc -p supervisor --open
//! watch    a finished cluster do it                   cargo xtask run 04-advanced-ipc
//! check    all promises, easiest first                cargo xtask check exercise-4
//! stuck    a nudge, then more                         cargo xtask hint exercise-4
//! ```

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use advanced_ipc::{
    Answer, CallId, Config, Deadline, Failure, Frame, Intents, Link, Message, Messaging, Notice,
    Pid, Place, Question, RestartHistory, Said, Slot, What, Worker, Workers, at, link_to,
    shut_down_with,
};
use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot};

fn main() -> ExitCode {
    advanced_ipc::run(primary, Caller::new)
}

type Outcome = Result<Answer, Failure>;

/// The calls that are open on one link, by id.
#[derive(Clone)]
struct Calls(Arc<Mutex<Table>>);

struct Table {
    /// Ids are counted and never given out twice: a late reply must find no call.
    next: u64,
    limit: usize,
    open: HashMap<CallId, oneshot::Sender<Outcome>>,
    is_gone: bool,
}

/// A call that is open. Dropping it gives its place back.
struct Call {
    id: CallId,
    outcome: oneshot::Receiver<Outcome>,
    calls: Calls,
}

impl Calls {
    fn new(limit: usize) -> Self {
        let table = Table { next: 0, limit, open: HashMap::new(), is_gone: false };
        Calls(Arc::new(Mutex::new(table)))
    }

    /// Never held over an `await`.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// 1. Opens a call, with an id that no call of this link had before.
    ///
    /// - `Failure::Died` if the peer is gone: "Calls open on a worker that dies".
    /// - `Failure::Full` if `limit` calls are open: "A call gives its place back".
    fn open(&self) -> Result<Call, Failure> {
        let mut table = self.table();
        if table.is_gone {
            return Err(Failure::Died);
        }
        if table.open.len() >= table.limit {
            return Err(Failure::Full);
        }
        table.next += 1;
        let id = CallId(table.next);
        let (sender, outcome) = oneshot::channel();
        table.open.insert(id, sender);
        Ok(Call { id, outcome, calls: self.clone() })
    }

    /// 2. The peer has replied to the call `id`. A reply to a call that isn't open (any more) changes
    ///    nothing: "A late reply and a second reply".
    fn answer(&self, id: CallId, outcome: Outcome) {
        if let Some(call) = self.table().open.remove(&id) {
            // The caller may be gone in this moment.
            let _ = call.send(outcome);
        }
    }

    /// 3. The peer has died, and everything that it said was read. Each open call fails with
    ///    `Failure::Died`, and so does every later `open`: "Calls open on a worker that dies".
    fn gone(&self) {
        let mut table = self.table();
        table.is_gone = true;
        for (_, call) in table.open.drain() {
            let _ = call.send(Err(Failure::Died));
        }
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
    fn new(link: Link, limit: usize) -> Self {
        Peer { link, calls: Calls::new(limit) }
    }

    /// 4. Asks the peer `question`, and returns what became of that.
    ///
    /// - The call is open before its frame is sent, and the frame says how much time is left.
    /// - `deadline` bounds all of it, sending too: "A frozen worker costs its callers a 504".
    async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        let mut call = self.calls.open()?;
        let asked = async {
            let (id, within) = (call.id, deadline.left());
            self.link.send(Frame::Question { id, within, question }).await?;
            (&mut call.outcome).await.unwrap_or(Err(Failure::Died))
        };
        tokio::select! {
            outcome = asked => outcome,
            () = deadline.passed() => Err(Failure::Timeout),
        }
    }
}

/// A worker's side: all its calls go to the primary, which passes them on.
struct Caller {
    peer: Peer,
    place: Place,
}

impl Caller {
    fn new(link: Link, place: Place) -> Self {
        Caller { peer: Peer::new(link, place.max_in_flight), place }
    }
}

impl Messaging for Caller {
    async fn call(&self, question: Question, deadline: Deadline) -> Outcome {
        self.peer.call(question, deadline).await
    }

    /// 5. Asks every worker, this one too, for `what`, and returns what became of each call.
    ///
    /// - All are asked at once: a frozen one must not hold up the others: "A broadcast".
    /// - No failure is left out: the caller names who is missing.
    async fn gather(&self, what: What, deadline: Deadline) -> Vec<(Slot, Outcome)> {
        let asked = Slot::all(self.place.workers).map(|to| {
            let question = Question { from: self.place.slot, to, what: what.clone() };
            let deadline = deadline.clone();
            async move { (to, self.peer.call(question, deadline).await) }
        });
        join_all(asked).await
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
    queue: mpsc::UnboundedSender<Frame>,
}

impl Outbox {
    fn new(link: Link, limit: usize) -> Self {
        let (queue, mut frames) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(frame) = frames.recv().await {
                // A worker that is gone gets no more; its outbox goes with it.
                if link.send(frame).await.is_err() {
                    return;
                }
            }
        });
        Outbox { accepted: 0, acknowledged: 0, limit, queue }
    }

    /// 6. Accepts `text` for the worker, and returns its number: 1, 2, 3, and so on.
    ///
    /// - `Failure::Full` if `limit` messages are accepted and not acknowledged, wherever they are:
    ///   in a queue, in a socket, or in the worker: "A worker that does not read".
    fn accept(&mut self, from: Slot, text: String) -> Result<u64, Failure> {
        if self.accepted - self.acknowledged >= self.limit as u64 {
            return Err(Failure::Full);
        }
        self.accepted += 1;
        let sequence = self.accepted;
        // The limit above bounds this queue.
        let _ = self.queue.send(Frame::Message(Message { sequence, from, text }));
        Ok(sequence)
    }

    /// The worker has all messages up to this number.
    fn acknowledged(&mut self, up_to: u64) {
        self.acknowledged = self.acknowledged.max(up_to.min(self.accepted));
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
    /// The worker in each slot, from its start to its end. An empty slot has none.
    colleagues: BTreeMap<Slot, Colleague>,
    /// Workers whose own clients have their answers.
    drained: BTreeSet<Pid>,
}

impl Exchange {
    fn new(config: Config) -> Self {
        Exchange { config, colleagues: BTreeMap::new(), drained: BTreeSet::new() }
    }

    /// From now on the workers that were just started can be asked, though they aren't ready yet.
    fn welcome(&mut self, workers: &Workers) {
        for worker in workers.all() {
            let is_known = |known: &Colleague| known.pid == worker.pid;
            if self.colleagues.get(&worker.slot).is_some_and(is_known) {
                continue;
            }
            let Some(link) = link_to(workers, worker.pid) else { continue };
            let outbox = Outbox::new(link.clone(), self.config.queue_limit);
            let peer = Peer::new(link, self.config.max_in_flight);
            self.colleagues.insert(worker.slot, Colleague { pid: worker.pid, peer, outbox });
        }
    }

    fn hear(&mut self, workers: &mut Workers, notice: Notice) {
        match notice {
            Notice::Report(worker, frame) => self.route(worker, frame),
            Notice::Drained { worker, .. } => drop(self.drained.insert(worker.pid)),
            Notice::Exited(worker, _) => self.lost(worker),
            Notice::Ready(_) | Notice::Draining(_) => {}
        }
        // As long as one worker has clients, it may ask another one.
        let is_drained = |worker: &Worker| self.drained.contains(&worker.pid);
        if !self.drained.is_empty() && workers.all().iter().all(is_drained) {
            workers.tell_all(Frame::Leave);
        }
    }

    fn lost(&mut self, worker: Worker) {
        if self.colleagues.get(&worker.slot).is_some_and(|known| known.pid == worker.pid)
            && let Some(lost) = self.colleagues.remove(&worker.slot)
        {
            lost.peer.calls.gone();
        }
    }

    /// 7. `worker` has sent `frame`. This must not wait: each question gets a task of its own.
    ///
    /// - A question to an empty slot fails with `Failure::Died`.
    /// - `What::Accept` is a question to the primary: it answers with `Said::Accepted`.
    /// - Any other question goes to the worker that is asked, under an id of that link and with the
    ///   time that is left; what becomes of it goes back under the asker's id: "Answers reach their
    ///   own callers".
    fn route(&mut self, worker: Worker, frame: Frame) {
        let Some(asker) = self.colleagues.get_mut(&worker.slot) else { return };
        let (id, deadline, question) = match frame {
            Frame::Question { id, within, question } => (id, Deadline::after(within), question),
            Frame::Reply { id, answer } => return asker.peer.calls.answer(id, answer),
            Frame::Acknowledged { up_to } => return asker.outbox.acknowledged(up_to),
            Frame::Message(_) | Frame::Leave => return,
        };
        let back = asker.peer.link.clone();
        let accepted = self.accept(&question);
        let target = self.colleagues.get(&question.to).map(|target| target.peer.clone());
        tokio::spawn(async move {
            let answer = match (accepted, target) {
                (Some(accepted), _) => accepted,
                (None, Some(target)) => target.call(question, deadline).await,
                (None, None) => Err(Failure::Died),
            };
            // The asker may be gone.
            let _ = back.send(Frame::Reply { id, answer }).await;
        });
    }

    /// The answer to a question to the primary; `None` for any other question.
    fn accept(&mut self, question: &Question) -> Option<Outcome> {
        let What::Accept { text } = &question.what else { return None };
        let Some(to) = self.colleagues.get_mut(&question.to) else {
            return Some(Err(Failure::Died));
        };
        let accepted = to.outbox.accept(question.from, text.clone());
        let said = |sequence| Said::Accepted { sequence };
        Some(accepted.map(|n| Answer { worker: question.to, pid: to.pid, said: said(n) }))
    }
}

/// Keeps a worker in each slot, and passes on what they tell each other, until a signal asks for the
/// end.
async fn primary(config: Config, mut workers: Workers, mut intents: Intents) -> ExitCode {
    let mut exchange = Exchange::new(config);
    let mut history = RestartHistory::with_settings(&config.shared);
    start_missing(&mut workers, &history);
    exchange.welcome(&workers);
    workers.announce();
    loop {
        let now = Instant::now();
        let deadlines = [workers.deadline(now), history.deadline(now)];
        tokio::select! {
            notice = workers.next() => {
                if let Notice::Exited(worker, _) = &notice {
                    history.count(worker);
                }
                exchange.hear(&mut workers, notice);
            }
            _ = intents.next() => break,
            () = at(deadlines.into_iter().flatten().min()) => workers.kill_overdue(Instant::now()),
        }
        start_missing(&mut workers, &history);
        exchange.welcome(&workers);
    }
    shut_down_with(workers, intents, |workers, notice| exchange.hear(workers, notice)).await
}

/// Starts a worker in each slot that is empty and may have one.
fn start_missing(workers: &mut Workers, history: &RestartHistory) {
    for slot in workers.slots() {
        let is_empty = workers.all().iter().all(|worker| worker.slot != slot);
        if is_empty && history.may_start(slot, Instant::now()) {
            workers.start(slot);
        }
    }
}
