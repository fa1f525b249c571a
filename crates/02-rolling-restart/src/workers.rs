//! The primary's hands, ears and memory: start, drain or kill one worker, hear what becomes of all,
//! and know where each is in its life. Reports each thing that happens to them as an event.
//!
//! It decides nothing: when to start, drain or kill somebody is what the chapters are about.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cluster_basics::Cluster;
use events::{Event, Exit, emit, millis};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    fleet::{Fleet, Worker},
    given::Version,
    lifecycle::{Action, Input, State},
    messages::{FromWorker, ToWorker},
};

/// What became of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<Report> {
    /// It is ready.
    Ready(Worker),
    /// It has begun to drain.
    Draining(Worker),
    /// It holds no more work, and exits.
    Drained {
        /// Which one.
        worker: Worker,
        /// Requests answered since the drain began.
        answered: usize,
        /// Connections that its deadline closed with work on them.
        cut: usize,
    },
    /// It reports something in the chapter's own words.
    Report(Worker, Report),
    /// It ended in this way, was reaped, and is forgotten. This is what it was before.
    Exited(Worker, Exit),
}

/// How many workers there shall be, and how long each may take for what it does.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many slots there are.
    pub slots: u32,
    /// Until it is ready.
    pub ready_timeout: Duration,
    /// For a drain; what is not answered by then is cut.
    pub drain_timeout: Duration,
    /// For how long of that it goes on serving the connections that are open.
    pub lame_duck: Duration,
    /// How long it must have been ready until anybody relies on it.
    pub min_ready: Duration,
}

/// The workers of this primary, by process number.
pub struct Workers<Order, Report> {
    cluster: Cluster<ToWorker<Order>, FromWorker<Report>>,
    fleet: Fleet,
    address: SocketAddr,
    /// Where operators ask how the cluster is, if there is such a place.
    pub admin: Option<SocketAddr>,
    pub(crate) limits: Limits,
    /// What all of them were told last, and a newcomer is told first.
    pub(crate) standing_order: Option<Order>,
    /// What was cut off, since somebody took this number.
    pub(crate) cut: usize,
    /// Starts that failed, and were not reported yet.
    stillborn: usize,
}

/// The number of a worker that could not be started. No process has it.
const NO_PROCESS: u32 = 0;

impl<Order, Report> Workers<Order, Report>
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// No workers yet, behind the listener of `cluster`, which is bound to `address`.
    #[must_use]
    pub fn new(
        cluster: Cluster<ToWorker<Order>, FromWorker<Report>>,
        address: SocketAddr,
        limits: Limits,
    ) -> Self {
        Workers {
            cluster,
            fleet: Fleet::default(),
            address,
            admin: None,
            limits,
            standing_order: None,
            cut: 0,
            stillborn: 0,
        }
    }

    /// Starts a worker in slot `slot` with `version`. It is not ready yet, and late after
    /// `READY_TIMEOUT_MS`. There may be another one in that slot.
    ///
    /// A start that fails (no process, no descriptor left) is a death like any other: its `Exited`
    /// follows. A primary must not end for the want of one worker.
    pub async fn start(&mut self, slot: u32, version: Version) {
        let (said, born) = (version.to_string(), Instant::now());
        let started = self.cluster.spawn_with(slot, &[("VERSION", &said)]);
        let pid = *started.as_ref().unwrap_or(&NO_PROCESS);
        let state = State::started(born, self.limits.ready_timeout);
        self.fleet.add(Worker { slot, pid, version, born, state, replaced_in: None });
        if let Err(error) = started {
            eprintln!("no worker can be started in slot {slot}: {error}");
            self.stillborn += 1;
            return;
        }
        emit(&Event::WorkerStarted { worker: slot, pid, version: Some(said) });
        if let Some(order) = self.standing_order.clone() {
            self.cluster.tell(pid, &ToWorker::Order(order)).await;
        }
    }

    /// Tells the worker `pid` to take no new connections, to finish what it holds within
    /// `DRAIN_TIMEOUT_MS`, and to exit. It cuts off by itself what is not finished by then, and is
    /// late 2 s after that: then it is stopped, or stuck.
    pub async fn drain(&mut self, pid: u32) {
        let Limits { lame_duck, drain_timeout: timeout, .. } = self.limits;
        if self.fleet.step(pid, Input::Drain(timeout), Instant::now()) == Some(Action::Drain) {
            self.cluster.tell(pid, &ToWorker::Drain { lame_duck, timeout }).await;
        }
    }

    /// Ends the worker `pid` at once, by SIGKILL. Its `Exited` follows.
    pub fn kill(&mut self, pid: u32, reason: &'static str) {
        self.step(pid, Input::Kill(reason), Instant::now());
    }

    /// Time has passed: the worker `pid` is killed if it is late.
    pub fn tick(&mut self, pid: u32, now: Instant) {
        self.step(pid, Input::Tick, now);
    }

    /// Kills whoever is late.
    pub fn end_the_late(&mut self, now: Instant) {
        for worker in self.late(now) {
            self.tick(worker.pid, now);
        }
    }

    fn step(&mut self, pid: u32, input: Input, now: Instant) {
        let before = self.fleet.get(pid);
        let action = self.fleet.step(pid, input, now);
        if let (Some(before), Some(Action::Kill(reason))) = (before, action) {
            let (worker, reason) = (before.slot, reason.to_owned());
            emit(&Event::WorkerKilled { worker, pid, reason });
            self.cluster.kill(pid);
            // One that was never ready had nothing to lose.
            self.cut += usize::from(!before.state.is_starting());
        }
    }

    /// Ends every worker at once, by SIGKILL.
    pub fn kill_all(&mut self, reason: &str) {
        emit(&Event::ShutdownForced { reason: reason.to_owned() });
        self.cluster.kill_all();
    }

    /// Tells everybody `order`, and each newcomer from now on.
    pub async fn tell_all(&mut self, order: Order) {
        self.standing_order = Some(order.clone());
        self.cluster.tell_all(&ToWorker::Order(order)).await;
    }

    /// What becomes of a worker next. Without workers it waits for ever. Cancel safe.
    pub async fn next(&mut self) -> Notice<Report> {
        loop {
            if self.stillborn > 0 {
                self.stillborn -= 1;
                if let Some(lost) = self.fleet.remove(NO_PROCESS) {
                    return Notice::Exited(lost, Exit::Code(-1));
                }
            }
            let notice = match self.cluster.next().await {
                cluster_basics::Notice::Said { pid, message, .. } => self.heard(pid, message),
                cluster_basics::Notice::Exited { pid, exit, .. } => self.lost(pid, exit),
            };
            if let Some(notice) = notice {
                return notice;
            }
        }
    }

    /// Everybody who was started and not reaped yet.
    #[must_use]
    pub fn all(&self) -> &[Worker] {
        self.fleet.all()
    }

    /// The same, with the questions that a plan asks.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Whoever is late: not ready in time, or not gone in time.
    #[must_use]
    pub fn late(&self, now: Instant) -> Vec<Worker> {
        let is_late =
            |worker: &&Worker| worker.state.deadline().is_some_and(|deadline| now >= deadline);
        self.all().iter().filter(is_late).copied().collect()
    }

    /// Whether `worker` is ready, and has been for `MIN_READY_MS`: long enough to rely on it.
    #[must_use]
    pub fn is_available(&self, worker: &Worker, now: Instant) -> bool {
        worker.is_available(self.limits.min_ready, now)
    }

    /// When the next worker will be late (starting or draining), or available.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let available = |worker: &Worker| worker.available_at(self.limits.min_ready);
        let available = self.all().iter().filter_map(available).filter(|at| *at > now);
        available.chain(self.fleet.deadline()).min()
    }

    /// Tells the world that connections are accepted.
    pub fn announce(&self) {
        emit(&Event::Listening { address: self.address, admin: self.admin });
    }

    /// Lets nobody new in, and closes the primary's copy of the listening socket. Nothing can be
    /// started after it.
    pub fn stop_listening(&mut self) {
        self.cluster.stop_listening();
    }

    fn heard(&mut self, pid: u32, message: FromWorker<Report>) -> Option<Notice<Report>> {
        let worker = self.fleet.get(pid)?.slot;
        Some(match message {
            FromWorker::Ready => {
                self.fleet.step(pid, Input::SaidReady, Instant::now());
                // One that was told to drain, or killed, a moment ago has said so too late.
                let ready = self.fleet.get(pid).filter(|worker| worker.state.is_ready())?;
                emit(&Event::WorkerReady { worker, pid });
                Notice::Ready(ready)
            }
            FromWorker::Draining { in_flight } => {
                emit(&Event::WorkerDraining { worker, pid, in_flight });
                Notice::Draining(self.fleet.get(pid)?)
            }
            FromWorker::Drained { answered, cut } => {
                emit(&Event::WorkerDrained { worker, pid, answered, cut });
                self.cut += cut;
                Notice::Drained { worker: self.fleet.get(pid)?, answered, cut }
            }
            FromWorker::Report(report) => Notice::Report(self.fleet.get(pid)?, report),
        })
    }

    fn lost(&mut self, pid: u32, exit: Exit) -> Option<Notice<Report>> {
        let lost = self.fleet.remove(pid)?;
        emit(&Event::WorkerExited { worker: lost.slot, pid, exit });
        if let Some(heir) = self.fleet.succeed(&lost, Instant::now()) {
            let (worker, pid, version) = (heir.slot, heir.pid, heir.version.to_string());
            let millis = millis(heir.replaced_in.unwrap_or(Duration::ZERO));
            emit(&Event::WorkerReplaced { worker, pid, version, millis });
        }
        Some(Notice::Exited(lost, exit))
    }
}
