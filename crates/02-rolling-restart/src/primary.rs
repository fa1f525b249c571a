//! The driver of a primary: wait for whatever happens first, step, make each move that is allowed.

use std::{
    future::pending,
    process::ExitCode,
    time::{Duration, Instant},
};

use cluster_basics::StartError;
use events::{Event, emit};
use tokio::time::sleep_until;

use crate::{
    fleet::{Fleet, Worker},
    given::{Config, FromWorker, Intent, Intents, Notice, Version, Workers},
    lifecycle::{self, State},
    logbook::Logbook,
    plan::{Limits, Move, is_reached, next_move},
    restart::{Intensity, Restarts, Strategy},
    rollout::{self, Rollout},
    shutdown::shut_down,
};

/// Deaths that are still normal, for a cluster of which nobody is ready. Beyond it the primary
/// gives up, so that whoever supervises it learns of it.
const INTENSITY: Intensity = Intensity { restarts: 20, within: Duration::from_secs(60) };

/// Keeps `config.workers` workers running and rolls them on demand, until a signal asks for the end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off or the workers kept
/// dying.
///
/// # Errors
/// None of its own; [`crate::given::run`] has some to report.
pub async fn primary(
    config: Config,
    workers: Workers,
    mut intents: Intents,
) -> Result<ExitCode, StartError> {
    let mut primary = Primary::new(config, workers);
    primary.make_moves().await;
    primary.workers.announce();
    loop {
        match primary.next_input(&mut intents).await {
            Input::Asked(Intent::Roll) => primary.roll(rollout::Input::Ask).await,
            Input::Asked(Intent::RollBack) => primary.roll(rollout::Input::Back).await,
            Input::Asked(Intent::Shutdown | Intent::ShutdownNow) => {
                return Ok(primary.end(intents).await);
            }
            Input::Notice(Notice::Said { pid, message, .. }) => primary.heard(pid, message).await,
            Input::Notice(Notice::Exited { pid, .. }) => primary.lost(pid).await,
            Input::Tick => primary.tick().await,
        }
        primary.make_moves().await;
        primary.arrive().await;
        if primary.is_hopeless() {
            eprintln!("the workers die faster than they can serve: giving up");
            primary.end(intents).await;
            return Ok(ExitCode::FAILURE);
        }
    }
}

/// Whatever can happen to a primary.
enum Input {
    Asked(Intent),
    Notice(Notice),
    Tick,
}

struct Primary {
    config: Config,
    workers: Workers,
    fleet: Fleet,
    rollout: Rollout,
    restarts: Restarts,
    logbook: Logbook,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        let (first, most) = (config.restart_delay, config.restart_delay_max);
        Primary {
            workers,
            fleet: Fleet::default(),
            rollout: Rollout::steady(Version::FIRST),
            restarts: Restarts::new(Strategy::Backoff { first, most }, INTENSITY),
            logbook: Logbook::new(Version::FIRST),
            config,
        }
    }

    async fn next_input(&mut self, intents: &mut Intents) -> Input {
        let now = Instant::now();
        let deadlines = [
            self.fleet.deadline(),
            self.restarts.deadline(now),
            self.rollout.deadline(),
            self.limits().deadline(&self.fleet, now),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let tick = async {
            match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            notice = self.workers.next() => Input::Notice(notice),
            intent = intents.next() => Input::Asked(intent),
            () = tick => Input::Tick,
        }
    }

    async fn heard(&mut self, pid: u32, message: FromWorker) {
        let FromWorker::Ready = message else { return };
        let now = Instant::now();
        let _ = self.fleet.step(pid, lifecycle::Input::SaidReady, now);
        if let Some(version) = self.fleet.version_of(pid) {
            self.roll(rollout::Input::Ready(version)).await;
        }
    }

    /// A worker was reaped. Unless it was told to go, that is a death, and may tell something about
    /// its version.
    async fn lost(&mut self, pid: u32) {
        let Some(worker) = self.fleet.remove(pid) else { return };
        let version = worker.version;
        let is_available = self.limits().is_available(&worker, Instant::now());
        let news = match worker.state {
            State::Starting { .. } => {
                rollout::Input::Fail(version, "a worker died before it was ready")
            }
            State::Ready { .. } if is_available => rollout::Input::Died(version),
            State::Ready { .. } => {
                rollout::Input::Fail(version, "a worker died right after it was ready")
            }
            // It was told to go; or it was killed for being late, which was news then.
            State::Draining { .. } | State::Killed | State::Exited => return,
        };
        self.count_death(worker.slot, version, worker.born.elapsed());
        self.roll(news).await;
    }

    fn count_death(&mut self, slot: u32, version: Version, lived: Duration) {
        let random = fastrand::f64();
        let (deaths, delay) = self.restarts.died(slot, version, lived, Instant::now(), random);
        if !delay.is_zero() {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            emit(&Event::RestartDelayed { worker: slot, deaths, millis });
        }
    }

    /// Time has passed: whose is up?
    async fn tick(&mut self) {
        let now = Instant::now();
        for worker in self.fleet.all().to_vec() {
            let action = self.fleet.step(worker.pid, lifecycle::Input::Tick, now);
            let Some(lifecycle::Action::Kill(reason)) = action else { continue };
            self.workers.kill(worker.slot, worker.pid, reason);
            if worker.state.is_starting() {
                self.count_death(worker.slot, worker.version, worker.born.elapsed());
                self.roll(rollout::Input::Fail(worker.version, reason)).await;
            }
        }
        self.roll(rollout::Input::Tick).await;
    }

    /// Makes every move that is allowed now.
    async fn make_moves(&mut self) {
        loop {
            let now = Instant::now();
            let goal = self.rollout.goal(self.config.workers, self.limits());
            let may_start = |slot, version| self.restarts.may_start(slot, version, now);
            match next_move(&self.fleet, goal, self.limits(), now, may_start) {
                Some(Move::Start { slot, version }) => self.start(slot, version).await,
                Some(Move::Drain { pid }) => {
                    let order = lifecycle::Input::Drain(self.config.drain_timeout);
                    let _ = self.fleet.step(pid, order, now);
                    self.workers.drain(pid).await;
                }
                None => return self.logbook.note_replaced(&self.fleet, goal, now),
            }
        }
    }

    async fn start(&mut self, slot: u32, version: Version) {
        match self.workers.start(slot, version).await {
            Ok(pid) => {
                let born = Instant::now();
                let state = State::started(born, self.config.ready_timeout);
                self.fleet.add(Worker { slot, pid, version, born, state });
            }
            Err(error) => {
                eprintln!("no worker can be started in slot {slot}: {error}");
                self.count_death(slot, version, Duration::ZERO);
            }
        }
    }

    /// Notices that every slot runs what it shall run.
    async fn arrive(&mut self) {
        let goal = self.rollout.goal(self.config.workers, self.limits());
        if self.rollout.is_moving() && is_reached(&self.fleet, goal, self.limits(), Instant::now())
        {
            self.roll(rollout::Input::Arrived).await;
            self.make_moves().await;
        }
    }

    /// Steps the roll, and makes known what comes of it.
    async fn roll(&mut self, input: rollout::Input) {
        let mut next = Some(input);
        while let Some(input) = next.take() {
            let now = Instant::now();
            let action;
            (self.rollout, action) = self.rollout.step(input, now, self.config.roll_timeout);
            let Some(action) = action else { return };
            if let rollout::Action::Finish { again: true, .. } = action {
                next = Some(rollout::Input::Ask);
            }
            self.logbook.record(action, now);
            self.workers.publish(self.logbook.progress()).await;
        }
    }

    /// Nobody serves, and more workers died lately than is normal.
    fn is_hopeless(&mut self) -> bool {
        self.fleet.ready() == 0 && self.restarts.is_too_much(Instant::now())
    }

    async fn end(self, intents: Intents) -> ExitCode {
        shut_down(self.config.drain_timeout, self.workers, self.fleet, intents).await
    }

    fn limits(&self) -> Limits {
        Limits {
            max_surge: self.config.max_surge as usize,
            max_unavailable: self.config.max_unavailable as usize,
            min_ready: self.config.min_ready,
        }
    }
}
