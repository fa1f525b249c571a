//! Exercise 2: a rolling restart system (45 to 60 minutes).
//!
//! A primary and four workers serve version 1.0.0. SIGUSR2 to the primary asks for the next minor
//! version: every worker is replaced, one slot at a time, and no request is lost. A version that
//! does not come up is given up; a worker that dies is replaced.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given:
//! they serve, drain, and fail on demand. What you may call is in `rolling_restart`.
//!
//! ```text
//! read     guides 02-worker-lifecycle and 03-rolling-restarts     cargo xtask guide 2, guide 3
//! look up  crates/02-rolling-restart/src/lib.rs       cargo doc --no-deps -p rolling-restart -p supervisor --open
//! watch    a finished cluster do it                   cargo xtask run 02-rolling-restart
//! try      your own cluster, with curl                cargo xtask run exercise-2 --serve
//! check    all promises, easiest first                cargo xtask check exercise-2
//! stuck    a nudge, then more                         cargo xtask hint exercise-2
//! ```

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use rolling_restart::{
    Config, Exit, Intent, Intents, Notice, Pid, Progress, Slot, State, Version, Worker, Workers, at,
};

fn main() -> ExitCode {
    rolling_restart::run(primary)
}

/// Keeps a worker in each slot and rolls on demand, until a signal asks for the end.
async fn primary(config: Config, workers: Workers, mut intents: Intents) -> ExitCode {
    let mut cluster = Cluster::new(config, workers);
    for slot in cluster.workers.slots() {
        cluster.workers.start_version(slot, Version::FIRST);
    }
    cluster.workers.announce();
    loop {
        let now = Instant::now();
        cluster.go_on(now);
        let deadline = cluster.deadline(now);
        tokio::select! {
            notice = cluster.workers.next() => match notice {
                Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
                Notice::Exited(worker, _) => cluster.lost(worker),
            },
            intent = intents.next() => match intent {
                Intent::Roll => cluster.roll(),
                Intent::RollBack => cluster.roll_back(),
                Intent::Shutdown | Intent::ShutdownNow => break,
            },
            () = at(deadline) => {}
        }
    }
    cluster.shut_down(intents).await
}

/// What the primary knows.
struct Cluster {
    config: Config,
    workers: Workers,
    /// The version that each slot must run in the end.
    goal: Version,
    /// The version that was asked for last, good or bad. No version is tried twice.
    latest: Version,
    /// The version before the last roll that went well.
    previous: Option<Version>,
    roll: Option<Roll>,
    /// For each slot: how many of its workers died one after the other (the streak), and when it may
    /// have the next worker.
    history: BTreeMap<Slot, (u32, Instant)>,
    /// What `GET /roll` says.
    progress: Progress,
}

/// A roll under way, or on its way back.
struct Roll {
    /// The version to go back to.
    from: Version,
    /// The version that was asked for.
    to: Version,
    began: Instant,
    /// Whether one more roll was asked for meanwhile.
    again: bool,
}

/// One thing to do.
enum Step {
    /// Start a worker of this version in this slot.
    Start(Slot, Version),
    /// Tell this worker to drain.
    Drain(Pid),
}

impl Cluster {
    fn new(config: Config, workers: Workers) -> Self {
        Cluster {
            config,
            workers,
            goal: Version::FIRST,
            latest: Version::FIRST,
            previous: None,
            roll: None,
            history: BTreeMap::new(),
            progress: Progress::steady(Version::FIRST),
        }
    }

    /// Kills what is overdue, takes every step that is allowed, and notices when a roll has arrived.
    fn go_on(&mut self, now: Instant) {
        self.kill_overdue(now);
        // TODO: beyond the exercise, a roll has a limit too: config.roll_timeout.
        loop {
            while let Some(step) = self.next_step(now) {
                match step {
                    Step::Start(slot, version) => self.workers.start_version(slot, version),
                    Step::Drain(pid) => self.workers.drain(pid),
                }
            }
            if self.roll.is_none() || !self.workers.are_settled(self.goal, now) {
                return;
            }
            self.arrive();
        }
    }

    fn kill_overdue(&mut self, now: Instant) {
        for worker in self.workers.overdue(now) {
            self.overdue(worker);
        }
    }

    /// 1. `worker` was reaped; this is what it was before. If it was draining or killed, there is nothing
    ///    to do. Otherwise it died, and:
    ///
    /// - Its slot may have the next worker at once after the first death of a streak, after
    ///   `restart_delay` after the second, then after twice as long each time, up to
    ///   `restart_delay_max`. A worker that was ready for longer than that ends the streak:
    ///   "restarted with growing delays".
    /// - If it was never ready, its version is bad: "or dies at its start, is given up".
    /// - Beyond the exercise: its version is bad, too, if it was not ready long enough to be available:
    ///   "workers die within `MIN_READY_MS`".
    fn lost(&mut self, worker: Worker) {
        todo!("slot {}: was worker {} told to go?", worker.slot, worker.pid)
    }

    /// 2. The operator wants the next minor version after the latest that was asked for: "SIGUSR2
    ///    replaces every worker". During a roll the primary remembers that, and rolls once more,
    ///    however often it was asked: "SIGUSR2 during a roll".
    fn roll(&mut self) {
        todo!("begin a roll to the next version, or remember that there is one more to come")
    }

    fn begin(&mut self, to: Version) {
        self.roll = Some(Roll { from: self.goal, to, began: Instant::now(), again: false });
        self.goal = to;
        self.history.clear();
        self.progress.begin(to);
        self.progress.publish(&mut self.workers);
    }

    /// 3. The next step that is allowed now; `None` when there is something to wait for.
    ///
    /// - A worker of another version than `goal` gets one of `goal` beside it, and drains when that one
    ///   is available: "a new worker is ready before the old one drains".
    /// - At most `workers + max_surge` workers are alive: "One slot at a time".
    /// - After a drain at least `workers` others are available. A worker that isn't ready isn't missed.
    ///   "leaves four ready workers".
    /// - An empty slot gets a worker of `goal` before anything else happens. But on the way out (`goal`
    ///   is what the roll goes `to`) it gets one of `from` while no worker of `goal` is ready, and a
    ///   worker of `goal` fills no slot until then: "killed in the middle of a roll".
    /// - No slot gets a worker before its `history` allows it. An empty slot that has to wait keeps its
    ///   place: a worker beside another one needs room beyond it. "restarted with growing delays".
    fn next_step(&self, now: Instant) -> Option<Step> {
        let all = self.workers.all();
        let slots = self.config.shared.workers as usize;
        if self.roll.is_none() && all.len() == slots {
            return None;
        }
        todo!("find a slot where a start or a drain is allowed now")
    }

    /// 4. `worker` is overdue: it isn't ready in time, or isn't gone in time.
    ///
    /// - Kill it: "An old worker that does not drain in time is killed".
    /// - A worker that was starting counts as a death of its slot's streak, and its version is bad: "A
    ///   version that is never ready".
    fn overdue(&mut self, worker: Worker) {
        todo!("worker {} is overdue: kill it. What about its version?", worker.pid)
    }

    /// 5. `version` is bad. If the roll is on its way to that version, every slot goes back to the
    ///    version before it, with an empty `history`: "leads to the last good version". A roll that is
    ///    already on its way back, or that has another version, changes nothing. Beyond the
    ///    exercise: `progress.abandon`, then `progress.publish`: "GET /roll says".
    fn give_up(&mut self, version: Version, reason: &str) {
        todo!("{version}: {reason}. If this is what is being rolled out, back to the one before")
    }

    /// 6. Every slot runs what it must run, so the roll is over, well or badly: "SIGUSR2 replaces every
    ///    worker".
    ///
    /// - It went well if `goal` is what the roll went `to`. Only then `previous` becomes its `from`.
    /// - Begin the next roll if `again` asked for one meanwhile: "one more roll after it".
    /// - Beyond the exercise: `progress.finish`, then `progress.publish`: "GET /roll says".
    fn arrive(&mut self) {
        todo!("the roll is over: say how it went, and begin the next one if there is one")
    }

    /// 7. Shuts the cluster down, and returns the exit code: "SIGTERM during a roll drains both
    ///    versions".
    ///
    /// - The listening socket is closed, and every worker drains, whatever its version and state.
    /// - The primary starts no new worker, and waits until the last one is gone.
    /// - A worker that is overdue is killed, and a second signal kills every worker.
    ///   `Intent::Roll` and `Intent::RollBack` change nothing.
    /// - The exit code is 0 if each worker drained without a cut and exited with 0, and 1 otherwise.
    ///   A worker that was never ready (`was_ready`) held nothing, so its exit doesn't matter.
    async fn shut_down(mut self, mut intents: Intents) -> ExitCode {
        todo!("drain every worker, and wait until the last one is gone")
    }

    /// 8. Beyond the exercise: the operator wants the version before this one: "SIGHUP rolls back".
    ///
    /// - During a roll: back to the version with which it began.
    /// - On the way back, or before the first good roll: nothing.
    /// - Otherwise: a roll to `previous`.
    fn roll_back(&mut self) {
        todo!("every slot back to the version before this one")
    }

    /// When something will be overdue, or allowed, that was not at `now`.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let allowed = self.history.values().map(|(_, not_before)| *not_before);
        let late = self.roll.as_ref().map(|roll| roll.began + self.config.roll_timeout);
        let ahead = allowed.chain(late).filter(|at| *at > now);
        ahead.chain(self.workers.deadline(now)).min()
    }
}
