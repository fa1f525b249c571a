//! The driver of a primary: wait for the first thing that happens, step, make each move that is allowed.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use events::warn;
use rolling_restart::{
    Config, Intent, Intents, Notice, Progress, State, Version, Worker, Workers, at,
};
use supervisor::{
    restart::{Intensity, RestartHistory},
    shut_down,
};

use crate::{
    plan::{Move, RollLimits, is_reached, next_move},
    rollout::{RollAction, RollInput, Rollout},
};

/// Deaths that are still normal, for a cluster of which no worker is left. Beyond it the primary
/// gives up, so that its own supervisor learns of it.
const INTENSITY: Intensity = Intensity { restarts: 20, within: Duration::from_mins(1) };

/// Keeps `config.workers` workers running and rolls them on demand, until a signal asks for the end.
///
/// The exit code is 0 when everything was drained, and 1 when work was cut off or the workers kept
/// dying.
pub(crate) async fn primary(config: Config, workers: Workers, mut intents: Intents) -> ExitCode {
    let mut primary = Primary::new(config, workers);
    primary.make_moves(Instant::now());
    primary.workers.announce();
    loop {
        // One look at the clock for each turn: what falls due after it is still ahead.
        let now = Instant::now();
        primary.make_moves(now);
        primary.arrive(now);
        if primary.is_hopeless(now) {
            warn("the workers die faster than they can serve: giving up");
            return ExitCode::FAILURE;
        }
        match primary.next_input(&mut intents, now).await {
            PrimaryInput::Asked(Intent::Roll) => primary.roll(RollInput::Ask),
            PrimaryInput::Asked(Intent::RollBack) => primary.roll(RollInput::Back),
            PrimaryInput::Asked(Intent::Shutdown | Intent::ShutdownNow) => {
                return shut_down(primary.workers, intents.into_shutdown()).await;
            }
            PrimaryInput::Notice(
                Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. },
            ) => {}
            PrimaryInput::Notice(Notice::Exited(worker, _)) => primary.lost(worker),
            PrimaryInput::Tick => primary.tick(),
        }
    }
}

/// What can happen to a primary.
enum PrimaryInput {
    Asked(Intent),
    Notice(Notice),
    Tick,
}

struct Primary {
    config: Config,
    workers: Workers,
    rollout: Rollout,
    history: RestartHistory,
    progress: Progress,
    /// When the current roll began.
    began: Instant,
}

impl Primary {
    fn new(config: Config, workers: Workers) -> Self {
        Primary {
            workers,
            rollout: Rollout::steady(Version::FIRST),
            history: RestartHistory::with_settings(&config.shared).intensity(INTENSITY),
            config,
            progress: Progress::steady(Version::FIRST),
            began: Instant::now(),
        }
    }

    /// What happens next, or falls due after `now`.
    async fn next_input(&mut self, intents: &mut Intents, now: Instant) -> PrimaryInput {
        let deadlines =
            [self.workers.deadline(now), self.history.deadline(now), self.rollout.deadline()];
        let deadline = deadlines.into_iter().flatten().min();
        // Any order will do: each input is stepped on its own, and no input is lost while others come.
        tokio::select! {
            notice = self.workers.next() => PrimaryInput::Notice(notice),
            intent = intents.next() => PrimaryInput::Asked(intent),
            () = at(deadline) => PrimaryInput::Tick,
        }
    }

    /// A worker was reaped. Unless it was told to go, that is a death, and may tell something about
    /// its version.
    fn lost(&mut self, worker: Worker) {
        let version = worker.version;
        let is_available = self.workers.is_available(&worker, Instant::now());
        let news = match worker.state {
            State::Starting { .. } => RollInput::Fail(version, "a worker died before it was ready"),
            State::Ready { .. } if is_available => RollInput::Died(version),
            State::Ready { .. } => {
                RollInput::Fail(version, "a worker died right after it was ready")
            }
            // It was told to go; or it was killed for being late, which was news then.
            State::Draining { .. } | State::Killed | State::Exited => return,
        };
        self.history.count(&worker);
        self.roll(news);
    }

    /// Time has passed: which workers are overdue, and is the roll?
    fn tick(&mut self) {
        let now = Instant::now();
        for worker in self.workers.overdue(now) {
            self.workers.tick(worker.pid, now);
            if worker.state.is_starting() {
                self.history.count(&worker);
                self.roll(RollInput::Fail(worker.version, "a worker was not ready in time"));
            }
        }
        self.roll(RollInput::Tick);
    }

    /// Makes every move that is allowed now.
    fn make_moves(&mut self, now: Instant) {
        let limits = self.limits();
        loop {
            let goal = self.rollout.goal(self.config.shared.workers);
            let may_start = |slot, version| self.history.may_start_version(slot, version, now);
            match next_move(self.workers.fleet(), goal, limits, now, may_start) {
                Some(Move::Drain(pid)) => self.workers.drain(pid),
                Some(Move::Start(slot, version)) => self.workers.start_version(slot, version),
                None => return,
            }
        }
    }

    /// Notices that every slot runs what it must run.
    fn arrive(&mut self, now: Instant) {
        let goal = self.rollout.goal(self.config.shared.workers);
        let is_there = is_reached(self.workers.fleet(), goal, self.limits(), now);
        if self.rollout.is_moving() && is_there {
            // The next roll may begin at once, so the moves are looked at anew.
            self.roll(RollInput::Arrived);
            self.make_moves(now);
        }
    }

    /// Steps the roll, and makes known what comes of it.
    fn roll(&mut self, input: RollInput) {
        let now = Instant::now();
        let action;
        (self.rollout, action) = self.rollout.step(input, now, self.config.roll_timeout);
        match action {
            None => return,
            Some(RollAction::Begin { to }) => {
                self.began = now;
                self.progress.begin(to);
            }
            Some(RollAction::Abandon { back_to, reason }) => {
                self.progress.abandon(back_to, reason);
            }
            Some(RollAction::Finish { to, again }) => {
                self.progress.finish(to, now - self.began, &self.workers);
                if again {
                    self.progress.publish(&mut self.workers);
                    return self.roll(RollInput::Ask);
                }
            }
        }
        self.progress.publish(&mut self.workers);
    }

    /// No worker is left, no start is due yet, and more workers died lately than is normal.
    fn is_hopeless(&self, now: Instant) -> bool {
        self.workers.all().is_empty() && self.history.is_too_much(now)
    }

    fn limits(&self) -> RollLimits {
        RollLimits {
            max_surge: self.config.max_surge as usize,
            max_unavailable: self.config.max_unavailable as usize,
            min_ready: self.config.min_ready,
        }
    }
}
