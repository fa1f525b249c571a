//! Steady traffic from many clients, in phases, each request accounted for.
//!
//! The clients are closed loops with a pause between requests, a thread each. They behave as good
//! clients do: they look whether a kept connection was closed before they use it again, and send a
//! request again only when a kept connection ends without a byte of an answer: the server closed it
//! while it was idle. (A server that read the request and dropped it looks the same from here.)

use std::{
    net::SocketAddr,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{
    ledger::Ledger,
    newcomer::{Closing, NewConnection},
    patience,
    wire::{Answer, Connection, Failure},
};

/// How a client uses its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// One for as long as the server keeps it open.
    KeptAlive,
    /// A new one for each request.
    OnePerRequest,
}

/// A group of like clients.
#[derive(Clone, Copy, Debug)]
pub struct Clients {
    /// How many.
    pub number: usize,
    /// How they connect.
    pub connections: Connections,
    /// What they ask for with GET.
    pub path: &'static str,
    /// How long each pauses between an answer and its next request.
    pub pause: Duration,
}

impl Clients {
    /// `number` clients that ask for `path`, and pause for `pause_ms` milliseconds in between.
    #[must_use]
    pub const fn new(
        number: usize,
        connections: Connections,
        path: &'static str,
        pause_ms: u64,
    ) -> Self {
        Clients { number, connections, path, pause: Duration::from_millis(pause_ms) }
    }
}

/// Sees each answer as it comes, on the thread of the client that got it.
pub type Watcher = Arc<dyn Fn(&Answer) + Send + Sync>;

/// Traffic under way. Dropping it stops it.
pub struct Load {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Ledger>>>,
}

struct Shared {
    address: SocketAddr,
    phase: AtomicUsize,
    finished: AtomicUsize,
    failed: AtomicUsize,
    watcher: Option<Watcher>,
    /// Once the program was told to stop.
    closing: Mutex<Option<Closing>>,
    is_over: Mutex<bool>,
    over: Condvar,
}

impl Load {
    /// Starts to send what `groups` say to `address`.
    #[must_use]
    pub fn start(address: SocketAddr, groups: &[Clients]) -> Self {
        Self::watched(address, groups, None)
    }

    /// The same, and `watcher` sees each answer.
    #[must_use]
    pub fn watched(address: SocketAddr, groups: &[Clients], watcher: Option<Watcher>) -> Self {
        let shared = Arc::new(Shared {
            address,
            phase: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            watcher,
            closing: Mutex::new(None),
            is_over: Mutex::new(false),
            over: Condvar::new(),
        });
        let threads = groups
            .iter()
            .flat_map(|clients| std::iter::repeat_n(*clients, clients.number))
            .map(|clients| {
                let shared = shared.clone();
                thread::spawn(move || Client::new(clients, &shared).run())
            })
            .collect();
        Load { shared, threads }
    }

    /// Requests finished so far, for a display of progress.
    #[must_use]
    pub fn finished(&self) -> usize {
        self.shared.finished.load(Ordering::Relaxed)
    }

    /// Requests so far that got no answer, for a caller that does not wait for the end.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// Waits until `number` requests have been finished in all, `limit` at most; says whether they
    /// have.
    #[must_use]
    pub fn wait_for(&self, number: usize, limit: Duration) -> bool {
        processes::until(patience(limit), || (self.finished() >= number).then_some(())).is_some()
    }

    /// From now on requests are counted in the next phase: each belongs to the phase in which it
    /// was sent.
    pub fn next_phase(&self) {
        self.shared.phase.fetch_add(1, Ordering::SeqCst);
    }

    /// The same, for a program that is told to stop now: while its listener closes, a new connection
    /// may be dropped.
    pub fn next_phase_drains(&self) {
        *self.shared.closing() = Some(Closing::default());
        self.next_phase();
    }

    /// Ends the traffic, waits for the requests under way, and returns a ledger for each phase.
    #[must_use]
    pub fn finish(mut self) -> Vec<Ledger> {
        self.stop();
        let mut phases = vec![Ledger::default(); self.shared.phase.load(Ordering::SeqCst) + 1];
        for client in self.threads.drain(..) {
            let ledgers = client.join().expect("a client does not panic");
            for (sum, ledger) in phases.iter_mut().zip(&ledgers) {
                sum.add(ledger);
            }
        }
        phases
    }

    fn stop(&self) {
        *self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.over.notify_all();
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// Whether the listener may be closing now.
    fn is_closing(&self) -> bool {
        self.closing().as_ref().is_some_and(|closing| !closing.is_over())
    }

    fn saw(&self, new: &NewConnection) {
        if let Some(closing) = self.closing().as_mut() {
            closing.saw(new);
        }
    }

    fn closing(&self) -> MutexGuard<'_, Option<Closing>> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Client<'a> {
    clients: Clients,
    shared: &'a Shared,
    connection: Option<Connection>,
    ledgers: Vec<Ledger>,
    limit: Duration,
}

impl<'a> Client<'a> {
    fn new(clients: Clients, shared: &'a Shared) -> Self {
        let limit = patience(Duration::from_secs(30));
        Client { clients, shared, connection: None, ledgers: Vec::new(), limit }
    }

    fn run(mut self) -> Vec<Ledger> {
        while !self.is_over_after(self.clients.pause) {
            let phase = self.shared.phase.load(Ordering::SeqCst);
            self.ledgers.resize_with(self.ledgers.len().max(phase + 1), Ledger::default);
            let began = Instant::now();
            let outcome = self.request(phase);
            self.ledgers[phase].count(began.elapsed(), &outcome);
            match (&outcome, &self.shared.watcher) {
                (Ok(answer), Some(watcher)) => watcher(answer),
                (Ok(_), None) => {}
                (Err(_), _) => drop(self.shared.failed.fetch_add(1, Ordering::Relaxed)),
            }
            self.shared.finished.fetch_add(1, Ordering::Relaxed);
        }
        self.ledgers
    }

    fn request(&mut self, phase: usize) -> Result<Answer, Failure> {
        if let Some(mut kept) = self.connection.take_if(|kept| !kept.is_closed()) {
            match kept.get(self.clients.path) {
                Err(Failure::Reset | Failure::Closed) => self.ledgers[phase].retried += 1,
                outcome => return self.keep(kept, outcome),
            }
        }
        let may_be_dropped = self.shared.is_closing();
        let mut fresh = None;
        let outcome = Connection::open(self.shared.address, self.limit)
            .and_then(|connection| fresh.insert(connection).get(self.clients.path));
        let new = NewConnection::of(&outcome);
        self.shared.saw(&new);
        if may_be_dropped && new == NewConnection::Dropped {
            self.ledgers[phase].dropped += 1;
            return Err(Failure::Refused);
        }
        match fresh {
            Some(fresh) => self.keep(fresh, outcome),
            None => outcome,
        }
    }

    fn keep(
        &mut self,
        connection: Connection,
        outcome: Result<Answer, Failure>,
    ) -> Result<Answer, Failure> {
        let may_keep = self.clients.connections == Connections::KeptAlive;
        let is_kept = may_keep && outcome.as_ref().is_ok_and(|answer| !answer.closes);
        self.connection = is_kept.then_some(connection);
        outcome
    }

    /// Pauses, and says whether the load ended meanwhile.
    fn is_over_after(&self, pause: Duration) -> bool {
        let is_over = self.shared.is_over.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.shared.over.wait_timeout_while(is_over, pause, |is_over| !*is_over);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}
