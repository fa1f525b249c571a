//! The primary's side: starts, drains, kills and tracks the workers, and reports each thing that
//! happens to them as an event.
//!
//! It decides nothing: when to start, drain or kill a worker is what the chapters are about.

mod handover;
mod link;
mod listening;
mod notices;
mod record;
mod start;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};

use cluster_basics::{Cluster, StartError, listener};
use events::{Pid, ShutdownEvent, Slot, WorkerEvent, emit};
use serde::{Serialize, de::DeserializeOwned};

pub use self::{
    handover::WorkersHandover,
    link::Link,
    notices::Notice,
    record::{StateRecord, WorkerRecord, WorkersRecord},
};
use crate::{
    fleet::{Fleet, Worker},
    lifecycle::{WorkerAction, WorkerInput},
    messages::{FromWorker, ToWorker},
    settings::Settings,
    version::Version,
};

/// The workers of a primary. `Order` is what the chapter tells them beside "drain", `Report` what
/// they report beside their lifecycle.
pub struct Workers<Order, Report> {
    cluster: Cluster<ToWorker<Order>, FromWorker<Report>>,
    fleet: Fleet,
    address: SocketAddr,
    admin: Option<SocketAddr>,
    settings: Settings,
    min_ready: Duration,
    has_versions: bool,
    standing_order: Option<Order>,
    cut: usize,
    /// When to report the starts that failed.
    failed_starts: VecDeque<(Pid, Instant)>,
}

impl<Order, Report> Workers<Order, Report>
where
    Order: Clone + Serialize,
    Report: DeserializeOwned + Send + 'static,
{
    /// Binds the port of `settings`. There are no workers yet.
    ///
    /// # Errors
    /// When the port can't be bound.
    pub fn listen(settings: Settings) -> Result<Self, StartError> {
        let listener = listener::bind("PORT", settings.port)?;
        let address = listener.local_addr()?;
        Ok(Workers {
            cluster: Cluster::new(listener),
            fleet: Fleet::default(),
            address,
            admin: None,
            settings,
            min_ready: Duration::ZERO,
            has_versions: false,
            standing_order: None,
            cut: 0,
            failed_starts: VecDeque::new(),
        })
    }

    /// A worker counts as available once it has been ready for `min_ready`.
    #[must_use]
    pub fn min_ready(mut self, min_ready: Duration) -> Self {
        self.min_ready = min_ready;
        self
    }

    /// What [`Self::min_ready`] says.
    #[must_use]
    pub fn min_ready_for(&self) -> Duration {
        self.min_ready
    }

    /// Operators ask at `address`: [`Self::announce`] says so.
    #[must_use]
    pub fn admin(mut self, address: SocketAddr) -> Self {
        self.admin = Some(address);
        self
    }

    /// The slots to fill, in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + Clone + use<Order, Report> {
        Slot::all(self.settings.workers)
    }

    /// Tells the worker `pid` to take no new connections, to finish what it holds within
    /// `DRAIN_TIMEOUT_MS`, and to exit. The worker cuts what isn't finished by then. It is overdue 2 s
    /// after that: then it is stopped, or stuck.
    pub fn drain(&mut self, pid: Pid) {
        self.drain_within(pid, self.settings.drain_timeout);
    }

    /// Tells every worker the same, within `timeout`.
    pub fn drain_all(&mut self, timeout: Duration) {
        for worker in self.fleet.all().to_vec() {
            self.drain_within(worker.pid, timeout);
        }
    }

    fn drain_within(&mut self, pid: Pid, timeout: Duration) {
        if let Some(failed) = self.failed_starts.iter().position(|(failed, _)| *failed == pid) {
            // There is nothing to wait for, and nothing was lost.
            self.fleet.remove(pid);
            self.failed_starts.remove(failed);
            return;
        }
        let action = self.fleet.step(pid, WorkerInput::Drain(timeout), Instant::now());
        if action == Some(WorkerAction::Drain) {
            let lame_duck = self.settings.lame_duck;
            self.tell(pid, &ToWorker::Drain { lame_duck, timeout });
        }
    }

    /// Ends the worker `pid` at once, by SIGKILL. Its `Exited` follows.
    pub fn kill(&mut self, pid: Pid, reason: &'static str) {
        self.step(pid, WorkerInput::Kill(reason), Instant::now());
    }

    /// Time has passed: kills the worker `pid` if it is overdue.
    pub fn tick(&mut self, pid: Pid, now: Instant) {
        self.step(pid, WorkerInput::Tick, now);
    }

    /// Kills every worker that is overdue.
    pub fn kill_overdue(&mut self, now: Instant) {
        for worker in self.overdue(now) {
            self.tick(worker.pid, now);
        }
    }

    fn step(&mut self, pid: Pid, input: WorkerInput, now: Instant) {
        let before = self.fleet.get(pid);
        let action = self.fleet.step(pid, input, now);
        if let (Some(before), Some(WorkerAction::Kill(reason))) = (before, action) {
            self.end(before, reason);
        }
    }

    /// Kills `worker`, which is in the state in which it was found, for this `reason`.
    fn end(&mut self, worker: Worker, reason: &str) {
        emit(WorkerEvent::Killed { id: worker.id(), reason: reason.to_owned() });
        self.cluster.kill(worker.pid);
        // A worker that was never ready had nothing to lose.
        self.cut += usize::from(worker.was_ready);
    }

    /// Ends every worker at once, by SIGKILL. They clean nothing up.
    pub fn kill_all(&mut self, reason: &str) {
        emit(ShutdownEvent::Forced { reason: reason.to_owned() });
        self.cluster.kill_all();
    }

    /// Tells every worker `order`, and each new worker from now on.
    pub fn tell_all(&mut self, order: Order) {
        self.standing_order = Some(order.clone());
        let message = ToWorker::Order(order);
        for pid in self.fleet.all().iter().map(|worker| worker.pid) {
            self.tell(pid, &message);
        }
    }

    /// A worker that can't be told reads nothing: it is frozen, or about to be reported as exited. Its
    /// deadline finds the frozen one, so there is nothing to do here.
    fn tell(&self, pid: Pid, message: &ToWorker<Order>) {
        let _ = self.cluster.tell(pid, message);
    }

    /// What [`Self::tell_all`] told last.
    #[must_use]
    pub fn standing_order(&self) -> Option<&Order> {
        self.standing_order.as_ref()
    }

    /// Connections that were cut off, and workers that were killed at work, since the last call.
    pub fn take_cut(&mut self) -> usize {
        std::mem::take(&mut self.cut)
    }

    /// Every worker that was started and not reaped yet.
    #[must_use]
    pub fn all(&self) -> &[Worker] {
        self.fleet.all()
    }

    /// Whether no worker is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().is_empty()
    }

    /// The same workers, with the questions that a plan asks.
    #[must_use]
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Workers that are overdue: not ready in time, or not gone in time.
    #[must_use]
    pub fn overdue(&self, now: Instant) -> Vec<Worker> {
        let is_overdue =
            |worker: &&Worker| worker.state.deadline().is_some_and(|deadline| now >= deadline);
        self.all().iter().filter(is_overdue).copied().collect()
    }

    /// Whether `worker` is ready, and has been for `MIN_READY_MS`: long enough to rely on it.
    #[must_use]
    pub fn is_available(&self, worker: &Worker, now: Instant) -> bool {
        worker.is_available(self.min_ready, now)
    }

    /// Whether each slot has exactly one worker, and each worker is available and has `version`.
    #[must_use]
    pub fn are_settled(&self, version: Version, now: Instant) -> bool {
        let is_right =
            |worker: &Worker| worker.version == version && self.is_available(worker, now);
        self.all().len() == self.settings.workers as usize && self.all().iter().all(is_right)
    }

    /// When the next worker will be overdue (starting or draining), or available.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let available = |worker: &Worker| worker.available_at(self.min_ready);
        let available = self.all().iter().filter_map(available).filter(|at| *at > now);
        available.chain(self.fleet.deadline()).min()
    }

    /// What the environment asked for.
    #[must_use]
    pub fn settings(&self) -> Settings {
        self.settings
    }
}
