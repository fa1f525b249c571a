//! The primary's hands, ears and memory: start, drain or kill one worker, hear what becomes of all,
//! and know where each is in its life. Reports each thing that happens to them as an event.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use cluster_basics::Cluster;
use events::{Event, Exit, emit};

use super::{Config, FromWorker, Progress, Replaced, ToWorker, Version, progress::millis};
use crate::{
    fleet::{Fleet, Worker},
    lifecycle::{Action, Input, State},
};

/// What became of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
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
    /// It ended in this way, was reaped, and is forgotten. This is what it was before.
    Exited(Worker, Exit),
}

/// The workers of this primary, by process number.
pub struct Workers {
    cluster: Cluster<ToWorker, FromWorker>,
    fleet: Fleet,
    address: SocketAddr,
    config: Config,
    progress: Progress,
    /// What was cut off since the roll began.
    cut: usize,
    /// Starts that failed, and were not reported yet.
    stillborn: usize,
}

/// The number of a worker that could not be started. No process has it.
const NO_PROCESS: u32 = 0;

impl Workers {
    pub(super) fn new(
        cluster: Cluster<ToWorker, FromWorker>,
        address: SocketAddr,
        config: Config,
    ) -> Self {
        let (fleet, progress) = (Fleet::default(), Progress::steady(Version::FIRST));
        Workers { cluster, fleet, address, config, progress, cut: 0, stillborn: 0 }
    }

    /// Starts a worker in slot `slot` with `version`. It is not ready yet, and late after
    /// `READY_TIMEOUT_MS`. There may be another one in that slot.
    ///
    /// A start that fails (no process, no descriptor left) is a death like any other: its `Exited`
    /// follows. A primary must not end for the want of one worker.
    pub async fn start(&mut self, slot: u32, version: Version) {
        let said = version.to_string();
        let started = self.cluster.spawn_with(slot, &[("VERSION", &said)]);
        let pid = *started.as_ref().unwrap_or(&NO_PROCESS);
        let born = Instant::now();
        let state = State::started(born, self.config.ready_timeout);
        self.fleet.add(Worker { slot, pid, version, born, state, replaced_in: None });
        if let Err(error) = started {
            eprintln!("no worker can be started in slot {slot}: {error}");
            self.stillborn += 1;
            return;
        }
        emit(&Event::WorkerStarted { worker: slot, pid, version: Some(said) });
        self.cluster.tell(pid, &ToWorker::Roll(self.progress.clone())).await;
    }

    /// Tells the worker `pid` to take no new connections, to finish what it holds within
    /// `DRAIN_TIMEOUT_MS`, and to exit. It cuts off by itself what is not finished by then, and is
    /// late 2 s after that: then it is stopped, or stuck.
    pub async fn drain(&mut self, pid: u32) {
        let (lame_duck, timeout) = (self.config.lame_duck, self.config.drain_timeout);
        if self.fleet.step(pid, Input::Drain(timeout), Instant::now()) == Some(Action::Drain) {
            self.cluster.tell(pid, &ToWorker::Drain { lame_duck, timeout }).await;
        }
    }

    /// Ends the worker `pid` at once, by SIGKILL. Its `Exited` follows.
    pub fn kill(&mut self, pid: u32, reason: &'static str) {
        self.step(pid, Input::Kill(reason), Instant::now());
    }

    /// Time has passed: the worker `pid` is killed if it is late.
    pub(crate) fn tick(&mut self, pid: u32, now: Instant) {
        self.step(pid, Input::Tick, now);
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

    /// What becomes of a worker next. Without workers it waits for ever. Cancel safe.
    pub async fn next(&mut self) -> Notice {
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

    /// The same, with the questions that the plan asks.
    pub(crate) fn fleet(&self) -> &Fleet {
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
        worker.available_at(self.config.min_ready).is_some_and(|at| now >= at)
    }

    /// Whether each slot has one worker, available and with `version`, and nobody else is there.
    #[must_use]
    pub fn are_settled(&self, version: Version, now: Instant) -> bool {
        let is_right =
            |worker: &Worker| worker.version == version && self.is_available(worker, now);
        self.all().len() == self.config.workers as usize && self.all().iter().all(is_right)
    }

    /// When the next worker will be late (starting or draining), or available.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let available = |worker: &Worker| worker.available_at(self.config.min_ready);
        let available = self.all().iter().filter_map(available).filter(|at| *at > now);
        available.chain(self.fleet.deadline()).min()
    }

    /// Tells the world that connections are accepted.
    pub fn announce(&self) {
        emit(&Event::Listening { address: self.address });
    }

    /// What `GET /roll` answers from now on, in every worker. Reports it, too.
    pub async fn publish(&mut self, progress: &Progress) {
        progress.event_since(&self.progress).iter().for_each(emit);
        let told = self.progress.last.take().map_or(0, |last| last.cut);
        let is_over = progress.finished > self.progress.finished;
        self.progress = progress.clone();
        if let Some(last) = &mut self.progress.last {
            last.cut = if is_over { std::mem::take(&mut self.cut) } else { told };
        }
        self.cluster.tell_all(&ToWorker::Roll(self.progress.clone())).await;
    }

    /// The slots whose worker with `version` took over from another, and how long that took.
    #[must_use]
    pub fn replaced(&self, version: Version) -> Vec<Replaced> {
        let replaced = self.all().iter().filter(|worker| worker.version == version);
        let mut replaced: Vec<Replaced> = replaced
            .filter_map(|worker| {
                Some(Replaced { worker: worker.slot, millis: millis(worker.replaced_in?) })
            })
            .collect();
        replaced.sort_by_key(|replaced| replaced.worker);
        replaced
    }

    /// Lets nobody new in, and closes the primary's copy of the listening socket. Nothing can be
    /// started after it.
    pub fn stop_listening(&mut self) {
        self.cluster.stop_listening();
    }

    fn heard(&mut self, pid: u32, message: FromWorker) -> Option<Notice> {
        let worker = self.fleet.get(pid)?.slot;
        Some(match message {
            FromWorker::Ready => {
                self.fleet.step(pid, Input::SaidReady, Instant::now());
                emit(&Event::WorkerReady { worker, pid });
                Notice::Ready(self.fleet.get(pid)?)
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
        })
    }

    fn lost(&mut self, pid: u32, exit: Exit) -> Option<Notice> {
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
