//! The driver of a primary: wait for whatever happens first, step, make each move that is allowed.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::{Event, emit, millis};

use crate::{
    given::{Config, Intent, Intents, Notice, Progress, State, Version, Worker, Workers, at},
    plan::{Move, RollLimits, is_reached, next_move},
    restart::{Intensity, Restarts, Strategy},
    rollout::{self, Rollout},
    shutdown::shut_down,
};

/// Deaths that are still normal, for a cluster of which nobody is left. Beyond it the primary
/// gives up, so that whoever supervises it learns of it.
const INTENSITY: Intensity = Intensity { restarts: 20, within: Duration::from_mins(1) };

/// Keeps `config.workers` workers running and rolls them on demand, until a signal asks for the end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off or the workers kept
/// dying.
pub async fn primary(config: Config, workers: Workers, mut intents: Intents) -> ExitCode {
    let mut primary = Primary::new(config, workers);
    primary.make_moves(Instant::now()).await;
    primary.workers.announce();
    loop {
        // One look at the clock for each turn: whatever falls due after it is ahead.
        let now = Instant::now();
        primary.make_moves(now).await;
        primary.arrive(now).await;
        if primary.is_hopeless(now) {
            eprintln!("the workers die faster than they can serve: giving up");
            return ExitCode::FAILURE;
        }
        match primary.next_input(&mut intents, now).await {
            Input::Asked(Intent::Roll) => primary.roll(rollout::Input::Ask).await,
            Input::Asked(Intent::RollBack) => primary.roll(rollout::Input::Back).await,
            Input::Asked(Intent::Shutdown | Intent::ShutdownNow) => {
                return shut_down(primary.config.drain_timeout, primary.workers, intents).await;
            }
            Input::Notice(Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. }) => {}
            Input::Notice(Notice::Exited(worker, _)) => primary.lost(worker).await,
            Input::Tick => primary.tick().await,
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
    rollout: Rollout,
    restarts: Restarts,
    progress: Progress,
    /// When the current roll began.
    began: Instant,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        let (first, most) = (config.restart_delay, config.restart_delay_max);
        Primary {
            config,
            workers,
            rollout: Rollout::steady(Version::FIRST),
            restarts: Restarts::new(Strategy::Backoff { first, most }, INTENSITY),
            progress: Progress::steady(Version::FIRST),
            began: Instant::now(),
        }
    }

    /// What happens next, or falls due after `now`.
    async fn next_input(&mut self, intents: &mut Intents, now: Instant) -> Input {
        let deadlines =
            [self.workers.deadline(now), self.restarts.deadline(now), self.rollout.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        tokio::select! {
            notice = self.workers.next() => Input::Notice(notice),
            intent = intents.next() => Input::Asked(intent),
            () = at(deadline) => Input::Tick,
        }
    }

    /// A worker was reaped. Unless it was told to go, that is a death, and may tell something about
    /// its version.
    async fn lost(&mut self, worker: Worker) {
        let version = worker.version;
        let is_available = self.workers.is_available(&worker, Instant::now());
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
        self.count_death(worker.slot, version, served(&worker));
        self.roll(news).await;
    }

    fn count_death(&mut self, slot: u32, version: Version, served: Duration) {
        let random = fastrand::f64();
        let (deaths, delay) = self.restarts.died(slot, version, served, Instant::now(), random);
        if !delay.is_zero() {
            emit(&Event::RestartDelayed { worker: slot, deaths, millis: millis(delay) });
        }
    }

    /// Time has passed: whose is up?
    async fn tick(&mut self) {
        let now = Instant::now();
        for worker in self.workers.late(now) {
            self.workers.tick(worker.pid, now);
            if worker.state.is_starting() {
                self.count_death(worker.slot, worker.version, served(&worker));
                self.roll(rollout::Input::Fail(worker.version, "a worker was not ready in time"))
                    .await;
            }
        }
        self.roll(rollout::Input::Tick).await;
    }

    /// Makes every move that is allowed now.
    async fn make_moves(&mut self, now: Instant) {
        let limits = self.limits();
        loop {
            let goal = self.rollout.goal(self.config.workers);
            let may_start = |slot, version| self.restarts.may_start(slot, version, now);
            match next_move(self.workers.fleet(), goal, limits, now, may_start) {
                Some(Move::Drain { pid }) => self.workers.drain(pid).await,
                Some(Move::Start { slot, version }) => self.workers.start(slot, version).await,
                None => return,
            }
        }
    }

    /// Notices that every slot runs what it shall run.
    async fn arrive(&mut self, now: Instant) {
        let goal = self.rollout.goal(self.config.workers);
        let is_there = is_reached(self.workers.fleet(), goal, self.limits(), now);
        if self.rollout.is_moving() && is_there {
            self.roll(rollout::Input::Arrived).await;
            self.make_moves(now).await;
        }
    }

    /// Steps the roll, and makes known what comes of it.
    async fn roll(&mut self, input: rollout::Input) {
        let now = Instant::now();
        let action;
        (self.rollout, action) = self.rollout.step(input, now, self.config.roll_timeout);
        match action {
            None => return,
            Some(rollout::Action::Begin { to, .. }) => {
                self.began = now;
                self.progress.begin(to);
            }
            Some(rollout::Action::Abandon { back_to, reason }) => {
                self.progress.abandon(back_to, reason);
            }
            Some(rollout::Action::Finish { to, again }) => {
                let replaced = self.workers.replaced(to);
                self.progress.finish(to, now - self.began, replaced);
                if again {
                    self.workers.publish(&self.progress).await;
                    return Box::pin(self.roll(rollout::Input::Ask)).await;
                }
            }
        }
        self.workers.publish(&self.progress).await;
    }

    /// Nobody is there, nobody may be started yet, and more workers died lately than is normal.
    fn is_hopeless(&self, now: Instant) -> bool {
        self.workers.all().is_empty() && self.restarts.is_too_much(now)
    }

    fn limits(&self) -> RollLimits {
        RollLimits {
            max_surge: self.config.max_surge as usize,
            max_unavailable: self.config.max_unavailable as usize,
            min_ready: self.config.min_ready,
        }
    }
}

/// How long it was ready.
fn served(worker: &Worker) -> Duration {
    worker.state.ready_since().map_or(Duration::ZERO, |since| since.elapsed())
}
