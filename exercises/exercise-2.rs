//! Exercise 2: a rolling restart system (45 to 60 minutes).
//!
//! A primary and four workers serve version 1.0.0. SIGUSR2 to the primary asks for the next minor
//! version: every worker is replaced, one slot at a time, and no request is lost. A version that
//! does not come up is given up; a worker that dies is replaced.
//!
//! The numbered functions are yours; the rest stays, though you may add to it. Workers are given:
//! they serve, drain, and fail on demand. What you may call is in `rolling_restart::given`.
//!
//! ```text
//! read     guides 02-worker-lifecycle and 03-rolling-restarts     cargo xtask guide 2, guide 3
//! look up  crates/02-rolling-restart/src/given/       cargo doc --package rolling-restart --open
//! watch    a finished cluster do it                   cargo xtask run 02-rolling-restart
//! check    all promises, easiest first                cargo xtask check exercise-2
//! stuck    a nudge, then more                         cargo xtask hint exercise-2
//! ```

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use events::Exit;
use rolling_restart::given::{
    self, Config, Intent, Intents, Notice, Progress, State, Version, Worker, Workers,
};

fn main() -> ExitCode {
    given::run(primary)
}

/// Keeps a worker in each slot and rolls on demand, until a signal asks for the end.
async fn primary(config: Config, workers: Workers, mut intents: Intents) -> ExitCode {
    let mut cluster = Cluster::new(config, workers);
    for slot in 1..=cluster.config.workers {
        cluster.workers.start(slot, Version::FIRST).await;
    }
    cluster.workers.announce();
    loop {
        let now = Instant::now();
        cluster.go_on(now).await;
        let deadline = cluster.deadline(now);
        tokio::select! {
            notice = cluster.workers.next() => match notice {
                Notice::Ready(_) | Notice::Draining(_) | Notice::Drained { .. } => {}
                Notice::Exited(worker, _) => cluster.lost(worker).await,
            },
            intent = intents.next() => match intent {
                Intent::Roll => cluster.roll().await,
                Intent::RollBack => cluster.roll_back().await,
                Intent::Shutdown | Intent::ShutdownNow => break,
            },
            () = given::at(deadline) => {}
        }
    }
    cluster.shut_down(intents).await
}

/// What the primary knows.
struct Cluster {
    config: Config,
    workers: Workers,
    /// The version that each slot shall run in the end.
    goal: Version,
    /// The last version that was asked for, good or bad. No version is tried twice.
    latest: Version,
    /// The version before the last roll that went well.
    previous: Option<Version>,
    roll: Option<Roll>,
    /// For each slot: how many of its workers died in a row, and when it may have the next one.
    deaths: BTreeMap<u32, (u32, Instant)>,
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
    /// Whether it was asked for again meanwhile.
    again: bool,
}

/// One thing to do.
enum Step {
    /// Start a worker of this version in this slot.
    Start(u32, Version),
    /// Tell this worker to drain.
    Drain(u32),
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
            deaths: BTreeMap::new(),
            progress: Progress::steady(Version::FIRST),
        }
    }

    /// Sees who is late, takes every step that is allowed, and notices when a roll has arrived.
    async fn go_on(&mut self, now: Instant) {
        self.end_the_late(now).await;
        // TODO: beyond the exercise, a roll has a limit too: config.roll_timeout.
        loop {
            while let Some(step) = self.next_step(now) {
                match step {
                    Step::Start(slot, version) => self.workers.start(slot, version).await,
                    Step::Drain(pid) => self.workers.drain(pid).await,
                }
            }
            if self.roll.is_none() || !self.workers.are_settled(self.goal, now) {
                return;
            }
            self.arrive().await;
        }
    }

    async fn end_the_late(&mut self, now: Instant) {
        for worker in self.workers.late(now) {
            self.late(worker).await;
        }
    }

    /// 1. A worker was reaped; this is what it was before.
    ///
    /// Was it told to go? If not, its slot needs another one: at once after the first death, after
    /// `config.restart_delay` from the second in a row on, each time twice as long, up to
    /// `config.restart_delay_max`. One that was ready for longer ends the row. And if its version is
    /// being rolled out, its death may tell something about it.
    async fn lost(&mut self, worker: Worker) {
        todo!("slot {}: was worker {} told to go?", worker.slot, worker.pid)
    }

    /// 2. Somebody wants the next minor version after the latest that was asked for. During a roll
    ///    that is remembered, and is one more roll, however often it was asked for.
    async fn roll(&mut self) {
        todo!("begin a roll to the next version, or remember that there is one more to come")
    }

    async fn begin(&mut self, to: Version) {
        self.roll = Some(Roll { from: self.goal, to, began: Instant::now(), again: false });
        self.goal = to;
        self.deaths.clear();
        self.progress.begin(to);
        self.workers.publish(&self.progress).await;
    }

    /// 3. The next step that is allowed now; `None` when there is something to wait for. Nothing is
    ///    started in a slot before its `deaths` say so.
    ///
    /// An empty slot gets a worker: an old one while no new one is ready (until then none of those
    /// fills a slot), then a new one. An old one gets a new one beside it, and drains when that is
    /// available. At most `workers + max_surge` are alive; a drain leaves `workers` that are ready.
    fn next_step(&self, now: Instant) -> Option<Step> {
        let all = self.workers.all();
        let slots = self.config.workers as usize;
        if self.roll.is_none() && all.len() == slots {
            return None;
        }
        todo!("find a slot where a start or a drain is allowed now")
    }

    /// 4. `worker` was not ready in time (a death in its slot's row, too), or not gone in time.
    async fn late(&mut self, worker: Worker) {
        todo!("worker {} is late: end it. If it was starting, what about its version?", worker.pid)
    }

    /// 5. Something is wrong with `version`. If it is the one that is being rolled out, every slot
    ///    goes back to the one before it, which has no `deaths` to answer for.
    async fn give_up(&mut self, version: Version, reason: &str) {
        todo!("{version}: {reason}. If this is what is being rolled out, back to the one before")
    }

    /// 6. Every slot runs what it shall run, so the roll is over, well or badly.
    async fn arrive(&mut self) {
        todo!("the roll is over: say how it went, and begin the next one if there is one")
    }

    /// 7. Drains every worker, whatever its version, and waits until the last one is gone.
    ///
    /// The exit code is 0 if everything was finished, and 1 if anything was cut off: by a drain
    /// timeout, by `Intent::ShutdownNow`, or by a worker that died on the way.
    async fn shut_down(mut self, mut intents: Intents) -> ExitCode {
        todo!("drain every worker, and wait until the last one is gone")
    }

    /// 8. Beyond the exercise: somebody wants the version before this one.
    async fn roll_back(&mut self) {
        todo!("every slot back to the version before this one")
    }

    /// When something will be late, or allowed, that was not at `now`.
    fn deadline(&self, now: Instant) -> Option<Instant> {
        let allowed = self.deaths.values().map(|(_, not_before)| *not_before);
        let late = self.roll.as_ref().map(|roll| roll.began + self.config.roll_timeout);
        let ahead = allowed.chain(late).filter(|at| *at > now);
        ahead.chain(self.workers.deadline(now)).min()
    }
}
